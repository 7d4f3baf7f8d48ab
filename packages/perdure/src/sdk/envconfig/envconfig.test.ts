import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { clientConfigToToml, ClientConfigError, loadClientConfig, loadClientConfigFromToml, loadClientConfigProfile, loadClientConnectConfig } from './index.js';

const TOML = `
[profile.default]
address = "stage.example:7233"
namespace = "stage"

[profile.production]
address = "prod.example:7233"
namespace = "shop"
api_key = "secret"

[profile.production.tls]
server_name = "temporal.prod"
server_ca_cert_data = "CA"
client_cert_data = "CERT"
client_key_data = "KEY"

[profile.production.grpc_meta]
X_Tenant_Id = "shop"

[profile.plain]
api_key = "secret"
tls = { disabled = true }
`;

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'perdure-envconfig-'));
  t.after(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

const load = (toml: string, options: { profile?: string; env?: Record<string, string>; strict?: boolean } = {}) =>
  loadClientConnectConfig({
    configSource: { data: toml },
    overrideEnvVars: options.env ?? {},
    ...(options.profile !== undefined && { profile: options.profile }),
    ...(options.strict !== undefined && { configFileStrict: options.strict }),
  });

test('a profile becomes the options of a connection and a namespace', () => {
  assert.deepEqual(load(TOML), { connectionOptions: { address: 'stage.example:7233' }, namespace: 'stage' });
  const { connectionOptions, namespace } = load(TOML, { profile: 'production' });
  const { tls, ...rest } = connectionOptions;
  assert.deepEqual(rest, { address: 'prod.example:7233', apiKey: 'secret', metadata: { 'x-tenant-id': 'shop' } });
  assert.equal(namespace, 'shop');
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.deepEqual(tls, { serverNameOverride: 'temporal.prod', serverRootCACertificate: bytes('CA'), clientCertPair: { crt: bytes('CERT'), key: bytes('KEY') } });
});

test('an API key asks for encryption, unless the profile says no', () => {
  assert.equal(load('[profile.default]\napi_key = "k"').connectionOptions.tls, true);
  assert.equal(load(TOML, { profile: 'plain' }).connectionOptions.tls, false);
  assert.equal(load('[profile.default]\naddress = "a:1"').connectionOptions.tls, undefined);
});

test('environment variables choose the profile and win over it', () => {
  const env = {
    TEMPORAL_PROFILE: 'production',
    TEMPORAL_ADDRESS: 'other:1',
    TEMPORAL_TLS: 'false',
    TEMPORAL_GRPC_META_X_TENANT_ID: '',
    TEMPORAL_GRPC_META_TRACE: 'on',
  };
  assert.deepEqual(load(TOML, { env }), {
    connectionOptions: { address: 'other:1', apiKey: 'secret', tls: false, metadata: { trace: 'on' } },
    namespace: 'shop',
  });
  assert.deepEqual(load(TOML, { env, profile: 'default' }).namespace, 'stage');
  assert.deepEqual(
    loadClientConnectConfig({ disableFile: true, overrideEnvVars: { TEMPORAL_ADDRESS: 'only:1', TEMPORAL_TLS: '1' } }),
    { connectionOptions: { address: 'only:1', tls: {} } },
  );
  assert.deepEqual(loadClientConfigProfile({ configSource: { data: TOML }, disableEnv: true, overrideEnvVars: { TEMPORAL_ADDRESS: 'x' } }).address, 'stage.example:7233');
});

test('the file is found where it is said to be, then where the system keeps configurations', { skip: process.platform === 'win32' || process.platform === 'darwin' }, (t) => {
  const home = folder(t);
  assert.deepEqual(loadClientConfig({ overrideEnvVars: { HOME: home } }), { profiles: {} });
  fs.mkdirSync(path.join(home, '.config', 'temporalio'), { recursive: true });
  fs.writeFileSync(path.join(home, '.config', 'temporalio', 'temporal.toml'), '[profile.home]\naddress = "h:1"');
  assert.deepEqual(loadClientConfig({ overrideEnvVars: { HOME: home } }), { profiles: { home: { address: 'h:1' } } });

  const named = path.join(home, 'named.toml');
  assert.throws(() => loadClientConfig({ overrideEnvVars: { HOME: home, TEMPORAL_CONFIG_FILE: named } }), ClientConfigError);
  fs.writeFileSync(named, '[profile.named]\naddress = "n:1"');
  assert.deepEqual(Object.keys(loadClientConfig({ overrideEnvVars: { HOME: home, TEMPORAL_CONFIG_FILE: named } }).profiles), ['named']);
});

test('certificates are read from the files that the profile names', (t) => {
  const dir = folder(t);
  fs.writeFileSync(path.join(dir, 'ca.pem'), 'CA');
  const toml = `[profile.default.tls]\nserver_ca_cert_path = ${JSON.stringify(path.join(dir, 'ca.pem'))}\n`;
  const { tls } = load(toml).connectionOptions;
  assert.ok(typeof tls === 'object' && tls !== null);
  assert.equal(Buffer.from(tls.serverRootCACertificate ?? '').toString(), 'CA');
  assert.throws(() => load(toml.replace('ca.pem', 'lost.pem')), /Cannot read the file .*lost\.pem/);
});

test('what cannot be used is refused, with the key', () => {
  const refused = (toml: string, message: RegExp, options: Parameters<typeof load>[1] = {}) =>
    assert.throws(() => load(toml, options), (error: unknown) => error instanceof ClientConfigError && message.test(error.message), toml);
  refused('[profile.default', /not TOML: line 1/);
  refused('[profile.default]\naddress = 7233', /profile\.default\.address must be a text/);
  refused('profile = 1', /profile must be a table/);
  refused('[profile]\ndefault = 1', /profile\.default must be a table/);
  refused('[profile.default.tls]\ndisabled = "no"', /tls\.disabled must be true or false/);
  refused('[profile.default.tls]\nclient_cert_data = "a"\nclient_cert_path = "b"', /either .*client_cert_path or .*client_cert_data/);
  refused('[profile.default.tls]\nclient_cert_data = "a"', /belong together/);
  refused(TOML, /no profile "lost"\. There are: default, production, plain/, { profile: 'lost' });
  refused(TOML, /no profile "toString"/, { profile: 'toString' });
  refused(TOML, /TEMPORAL_TLS must be true or false/, { env: { TEMPORAL_TLS: 'maybe' } });
  refused('[profile.default]\nadress = "a"', /unknown keys: adress\. Known are: address/, { strict: true });
  refused('[profiles.default]\n', /unknown keys: profiles/, { strict: true });
  assert.deepEqual(load('[profile.default]\nadress = "a"'), { connectionOptions: {} });
  assert.throws(() => loadClientConfigProfile({ disableEnv: true, disableFile: true }), /nothing to read/);
});

test('a configuration that is written can be read again', () => {
  const config = loadClientConfig({ configSource: { data: TOML }, overrideEnvVars: {} });
  assert.deepEqual(loadClientConfigFromToml(clientConfigToToml(config), { strict: true }), config);
});
