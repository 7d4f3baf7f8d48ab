/** What a workflow says of itself at present, for people: shown by consoles, read by the query `__temporal_workflow_metadata`. */
import { currentRun } from './current-run.js';

/** What {@link setCurrentDetails} last set; an empty text before. */
export function getCurrentDetails(): string {
  return currentRun('getCurrentDetails').currentDetails;
}

/** Replaces the details. Several lines of Markdown are fine. It leaves no event in history. */
export function setCurrentDetails(details: string): void {
  currentRun('setCurrentDetails').currentDetails = details;
}
