/** Our client through our door keeps the contract of all transports. */
import { connectGrpc } from '../../transport/grpc-client.js';
import { transportContract } from '../../transport/transport.contract.js';
import { openGrpcDoor } from './door.js';

transportContract('gRPC', async (router, options) => {
  const door = await openGrpcDoor({ router, host: '127.0.0.1', port: 0, ...options });
  const transport = await connectGrpc({ address: door.address });
  return {
    transport,
    close: async () => {
      await transport.close();
      await door.close(0);
    },
  };
});
