/** `perdure/storage`: keeps large payloads outside of the server, in files or in a bucket. */
export { FileSystemStorageDriver, type FileSystemStorageDriverOptions } from './file-system-driver.js';
export { S3StorageDriver, type S3StorageDriverOptions } from './s3-driver.js';
export type { S3Credentials } from './s3-signature.js';
export {
  ExternalStorage,
  ExternalStorageError,
  ExternalStorageNotConfiguredError,
  StorageDriverClaim,
  type ExternalStorageOptions,
  type StorageDriver,
  type StorageDriverRetrieveContext,
  type StorageDriverSelectContext,
  type StorageDriverSelector,
  type StorageDriverStoreContext,
} from '../common/index.js';
