import { DefaultFailureConverter } from '@temporalio/common';

/** Messages and stack traces travel through the codec like every value. */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
