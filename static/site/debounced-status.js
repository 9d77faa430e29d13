// Status texts for screen readers, which read out every text that is put into a live region. If many
// events arrive within a short time, one sentence about all of them is enough.

const DELAY = 1500; // milliseconds without an event, after which the sentence is shown

/**
 * Returns a function to call for each event. Once no event has come for DELAY, `element` shows
 * `sentence(count, latest)`: the number of events since the last sentence, and the latest of them.
 */
export function debouncedStatus(element, sentence) {
  let count = 0;
  let timer;
  return (latest) => {
    count += 1;
    clearTimeout(timer);
    timer = setTimeout(() => {
      element.textContent = sentence(count, latest);
      count = 0;
    }, DELAY);
  };
}
