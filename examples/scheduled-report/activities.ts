export async function revenueOf(day: string): Promise<number> {
  return day.length * 12_345;
}

export async function send(recipient: string, text: string): Promise<void> {
  console.log(`to ${recipient}: ${text}`);
}
