/** Activities of the workflow task scenarios. */
export const activities = () => ({
  async greet(name: string): Promise<string> {
    return `[${name}]`;
  },
});

export type Activities = ReturnType<typeof activities>;
