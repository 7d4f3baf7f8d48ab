/** Exports something that is no factory. Only tests name this file. */
export const interceptors = { inbound: [] };
