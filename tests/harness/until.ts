/** Settles once the condition holds; rejects after `deadlineMs`, naming the condition. */
export const until = async (condition: () => boolean, deadlineMs = 5_000): Promise<void> => {
  const deadline = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
