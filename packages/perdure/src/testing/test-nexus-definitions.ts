/** Shared by workflows and handlers of the Nexus tests. */
import { defineUpdate } from 'perdure/common';

export const approve = defineUpdate<string, [who: string]>('approve');
