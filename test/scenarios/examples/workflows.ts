/** Workflows of `examples/` that use nothing but what both SDKs have, as they are. */
export * from '../../../examples/approval/workflows.js';
export * from '../../../examples/pipeline/workflows.js';
export * from '../../../examples/polling/workflows.js';
export * from '../../../examples/scheduled-report/workflows.js';
export * from '../../../examples/webhook/workflows.js';
