/** Sends a message to a person: e-mail, chat, a task in a console. */
export async function notify(person: string, text: string): Promise<void> {
  console.log(`to ${person}: ${text}`);
}
