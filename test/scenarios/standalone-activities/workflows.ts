/** There are none: these activities belong to no workflow. A worker needs a workflow to have workflow code at all. */
export async function nothing(): Promise<void> {}
