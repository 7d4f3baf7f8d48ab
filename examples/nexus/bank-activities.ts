export const withdrawn: string[] = [];

/** How many days it will take. */
export async function requestDebit(orderId: string): Promise<number> {
  return orderId.startsWith('slow') ? 30 : 2;
}

export async function withdrawRequest(orderId: string): Promise<void> {
  withdrawn.push(orderId);
}
