package job

import (
	"context"

	"yunshi/internal/base/db"
)

// FileJob removes a stored file from the disk, unless something names it still.
const FileJob = "job.remove_file"

// FileGone stands where the key of a file was that has been removed.
const FileGone = "-"

// RemoveFiles lets the files of an owner go: keys gives their keys, forget puts
// [FileGone] in their place. The files themselves go when the transaction has
// happened. It returns how many rows it has changed.
func RemoveFiles(ctx context.Context, tx *db.Tx, keys, forget string, owner any) (int64, error) {
	all, err := db.All(ctx, tx, db.Column[string], keys, owner)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	for _, key := range all {
		if err := Enqueue(ctx, tx, Spec{Kind: FileJob, Object: key, Unique: true}); err != nil {
			return 0, err
		}
	}
	return tx.Exec(ctx, forget, owner)
}
