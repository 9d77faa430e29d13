// Live regions read out all that is put into them. What comes by the dozen is counted, and told in
// one sentence once it was quiet for a moment.

const QUIET = 1500; // milliseconds

/** Returns a function to call for each piece of news; `sentence(count, last)` makes the text. */
export function quietly(element, sentence) {
  let count = 0;
  let last;
  let timer;
  return (news) => {
    count += 1;
    last = news;
    clearTimeout(timer);
    timer = setTimeout(() => {
      element.textContent = sentence(count, last);
      count = 0;
    }, QUIET);
  };
}
