package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// knobs are what a seed draws for the whole of its run: which faults there are
// and how often, and how the market is run. Every seed leaves some of them out,
// so that each fault is also met alone.
type knobs struct {
	regime     int
	splitCap   int64
	freezeDays int
	fee        int64 // of the provider, in basis points
	lateFees   bool  // known only later
	strict     bool  // the provider counts disputes against refunds
	reports    bool  // the market also reads accounts and writes statements

	die, abort, unknown           float64 // per step, transaction, transaction
	lostBefore, lostAfter, slow   float64 // per call
	empty, refuse                 float64
	meanwhile, disorder           float64
	twice, lose, forge, backwards float64 // per notice, per jump of the clock
	instant                       float64 // of movements that end at once
	repeat                        float64 // per command

	jump    time.Duration // mean of a jump of the clock
	weights []float64
	total   float64
}

// upTo draws a rate: nothing in some seeds, else anything up to most.
func upTo(rng *rand.Rand, most float64) float64 {
	if rng.IntN(3) == 0 {
		return 0
	}
	return rng.Float64() * most
}

func draw(rng *rand.Rand, o Options) knobs {
	k := knobs{
		regime: rng.IntN(len(regimes)), fee: []int64{0, 38, 60, 600}[rng.IntN(4)], lateFees: rng.IntN(3) == 0, strict: rng.IntN(2) == 0,
		splitCap: []int64{0, 3000, 1000}[rng.IntN(3)], freezeDays: []int{0, 0, 10, 30, 180}[rng.IntN(5)], reports: rng.IntN(8) == 0,
		die: upTo(rng, 0.05), abort: upTo(rng, 0.2), unknown: upTo(rng, 0.05), lostBefore: upTo(rng, 0.2), lostAfter: upTo(rng, 0.2),
		empty: upTo(rng, 0.1), refuse: upTo(rng, 0.08), meanwhile: upTo(rng, 0.3), disorder: upTo(rng, 1), twice: upTo(rng, 0.5), lose: upTo(rng, 0.5),
		forge: upTo(rng, 0.1), backwards: upTo(rng, 0.1), instant: rng.Float64(), repeat: upTo(rng, 0.3),
	}
	jumps := 0.0
	for _, e := range catalogue() {
		weight := e.weight
		if !e.always {
			weight *= math.Pow(3, float64(rng.IntN(3)-1))
			if rng.IntN(8) == 0 {
				weight = 0
			}
		}
		k.weights = append(k.weights, weight)
		k.total += weight
		if e.name == "time passes" {
			jumps = weight
		}
	}
	k.jump = time.Duration(float64(o.Span) / (float64(o.Steps) * jumps / k.total))
	k.slow = upTo(rng, 0.1)
	return k
}

// choose draws the next event.
func (w *world) choose() event {
	at := w.rng.Float64() * w.knobs.total
	for i, weight := range w.knobs.weights {
		if at -= weight; at < 0 {
			return w.catalogue[i]
		}
	}
	return w.catalogue[0]
}
