/* redis-benchmark fills its placeholders with random numbers, and gives up at the first refusal; bids must rise. Preloaded,
   this stands in for `random`: the first placeholder of a command (the bidder) goes round 100,000 numbers, the second (the amount)
   goes up by one with each command. Nothing else of redis-benchmark is touched. It calls `random` on one thread. */
long random(void) {
    static unsigned long calls;
    unsigned long call = calls++;
    return (long)(call % 2 == 0 ? call / 2 % 100000 : call / 2);
}
