/**
 * Which tab holds the stream. In this version each tab leads itself. A leader election (Web Locks and
 * BroadcastChannel, say) goes here: it calls `lead` on the tab that is to hold the stream, and
 * `follow` on one that is to listen to the leader instead.
 */
export function soloTab() {
  return {
    join({ lead }) {
      lead();
    },
  };
}
