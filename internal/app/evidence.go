package app

import (
	"context"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/evidence"
)

// evidenceParts are the contributors to an order's pack. One of a
// package that evidence does not know is appended here, by a line.
func evidenceParts() []evidence.Part {
	return evidence.Parts()
}

// EvidenceWork makes packs, placing waiting records in the log on the way.
func EvidenceWork(d *db.DB, files blob.Store, signing string) evidence.Work {
	return evidence.Work{Parts: evidenceParts(), Blob: files, Integrate: func(ctx context.Context) (int, error) {
		return audit.Integrate(ctx, d, LogOrigin, signing)
	}}
}
