/** The flags of `codec-server`. */
import type { Flag } from './spec.js';

export const codecServerFlags: readonly Flag[] = [
  { name: 'codecs', type: 'string', value: 'FILE', help: 'A module that exports `codecs`: an array of payload codecs, or a function from a namespace to one.' },
  { name: 'port', short: 'p', type: 'int', value: 'PORT', help: 'Where to listen.', default: '8081' },
  { name: 'ip', type: 'string', value: 'ADDRESS', help: 'Whoever reaches it can read payloads: another address than this machine needs --token-env.', default: '127.0.0.1' },
  { name: 'cors-origin', type: 'strings', value: 'ORIGIN', help: 'A web origin whose pages may ask, for example the console\'s.' },
  { name: 'token-env', type: 'string', value: 'NAME', help: 'The environment variable that holds a secret; requests must bring it as "authorization: Bearer SECRET".' },
];
