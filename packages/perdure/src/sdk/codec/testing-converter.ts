/** A payload converter and a failure converter as modules, for the tests of the ways of data. */
import protobuf from 'protobufjs';
import { BinaryPayloadConverter, CompositePayloadConverter, DefaultFailureConverter, TypedJsonPayloadConverter, UndefinedPayloadConverter } from '../common/index.js';
import { ProtobufBinaryPayloadConverter, ProtobufJsonPayloadConverter } from '../protobufs/index.js';

export const { root } = protobuf.parse('syntax = "proto3"; package shop.v1; message Parcel { string address = 1; int64 weight_grams = 2; bytes label = 3; }');

export const payloadConverter = new CompositePayloadConverter(
  new UndefinedPayloadConverter(),
  new BinaryPayloadConverter(),
  new ProtobufJsonPayloadConverter(root),
  new ProtobufBinaryPayloadConverter(root),
  new TypedJsonPayloadConverter(),
);

export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
