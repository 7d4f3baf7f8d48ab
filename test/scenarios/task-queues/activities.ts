/** Activities of the task queue scenarios. */

/** Names in the order in which their activities ran, by workflow id. */
export const ran = new Map<string, string[]>();

export const activities = () => ({
  async note(workflowId: string, name: string): Promise<void> {
    ran.set(workflowId, [...(ran.get(workflowId) ?? []), name]);
  },
});
export type Activities = ReturnType<typeof activities>;
