/** The store's contract on SQLite: in a file, and in memory. */
import { testStoreContract } from '../contract/contract.js';
import { openSqliteStore } from './open.js';
import { temporaryFolder } from './temporary-file.js';

testStoreContract({
  name: 'SQLite in a file',
  async open() {
    const folder = temporaryFolder();
    const filename = folder.file('store.db');
    let store = await openSqliteStore({ filename });
    return {
      store,
      async reopen() {
        await store.close();
        return (store = await openSqliteStore({ filename }));
      },
      async [Symbol.asyncDispose]() {
        await store.close();
        folder[Symbol.dispose]();
      },
    };
  },
});

testStoreContract({
  name: 'SQLite in memory',
  async open() {
    const store = await openSqliteStore({ filename: ':memory:' });
    return { store, [Symbol.asyncDispose]: () => store.close() };
  },
});
