/** What the agent can do. Each tool is an activity: it has a name, an input and a text for the model. */

export async function search(words: string): Promise<string> {
  return `nothing found about ${words}`;
}

export async function deleteFile(name: string): Promise<string> {
  return `${name} is gone`;
}
