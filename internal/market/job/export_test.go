package job

import "context"

// Claim lets a test take jobs and die with them.
func Claim(ctx context.Context, w *Worker, n int) ([]Job, error) { return w.claim(ctx, n) }
