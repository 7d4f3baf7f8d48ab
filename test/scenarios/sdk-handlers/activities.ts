/** Activities of the handler scenarios. */
export const activities = () => ({
  async echo(text: string): Promise<string> {
    return text;
  },
});

export type Activities = ReturnType<typeof activities>;
