/** The queries that every workflow answers. */
import { defineQuery } from '../common/definitions.js';
import type { EnhancedStackTrace } from './stack-traces.js';

/** One handler in {@link WorkflowMetadata}. */
export interface HandlerMetadata {
  readonly name: string;
  readonly description?: string;
}

/** What a workflow can be asked and told, and what it says of itself. */
export interface WorkflowMetadata {
  readonly definition: {
    readonly type: string;
    readonly queryDefinitions: readonly HandlerMetadata[];
    readonly signalDefinitions: readonly HandlerMetadata[];
    readonly updateDefinitions: readonly HandlerMetadata[];
  };
  /** See `setCurrentDetails`. */
  readonly currentDetails: string;
}

/** Where the workflow waits, as text. */
export const stackTraceQuery = defineQuery<string>('__stack_trace');
/** Where the workflow waits, as data. */
export const enhancedStackTraceQuery = defineQuery<EnhancedStackTrace>('__enhanced_stack_trace');
/** What the workflow can be asked and told. */
export const workflowMetadataQuery = defineQuery<WorkflowMetadata>('__temporal_workflow_metadata');
