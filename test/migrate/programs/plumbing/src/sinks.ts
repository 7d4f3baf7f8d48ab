import type { Sinks } from '@temporalio/workflow';

export interface AuditSinks extends Sinks {
  audit: {
    record(event: string, details: { tenant: string | undefined; args?: number }): void;
    total(amount: string): void;
  };
}
