/** Activities of the signal, query and cancellation scenarios. */
export const activities = () => ({
  async note(text: string): Promise<string> {
    return text;
  },
});

export type Activities = ReturnType<typeof activities>;
