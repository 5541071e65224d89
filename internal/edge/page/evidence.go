package page

import (
	"context"
	"time"

	"yunshi/internal/base/text"
)

// Evidence is what is there of an order's evidence, and what can be asked for.
type Evidence struct {
	Path    string // of the page; a pack is below it
	Key     string // idempotency key of the form
	Packs   []EvidencePack
	For     Field // addressees; one option is not asked for
	Reason  Field
	LogKey  string
	Refusal *Refusal
}

// EvidencePack is one pack.
type EvidencePack struct {
	ID, For, Reason, State, Step, Manifest string
	Done, Total, Size                      int
	AskedAt, Until                         time.Time
}

// Building reports whether a pack is being made.
func (v Evidence) Building() bool {
	for _, p := range v.Packs {
		if p.State == "building" {
			return true
		}
	}
	return false
}

func (p EvidencePack) tone() Tone {
	switch p.State {
	case "ready":
		return Success
	case "failed":
		return Danger
	case "building":
		return Info
	}
	return Neutral
}

func (p EvidencePack) step(ctx context.Context) string {
	for _, area := range []string{"evidence.step.", "evidence.part."} {
		if text.Has(text.From(ctx), area+p.Step) {
			return text.T(ctx, area+p.Step)
		}
	}
	return "…"
}
