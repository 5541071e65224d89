package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
)

// Verify re-reads every record and rebuilds the tree from nothing. It returns
// how many records are in the log and what is wrong, in words for an operator's
// console. An empty verifying key skips only the signature.
func Verify(ctx context.Context, r db.Reader, verifyingKey string) (size int64, wrong []string, err error) {
	lost, err := db.Value[int64](ctx, r, countLost)
	if err != nil {
		return 0, nil, err
	}
	if lost > 0 {
		wrong = append(wrong, fmt.Sprintf("%d records are neither waiting for the log nor in it, or both", lost))
	}
	var rebuilt tlog.Memory
	for {
		page, err := db.All(ctx, r, scanPlaced, selectLeaves, rebuilt.Size())
		if err != nil {
			return 0, nil, err
		}
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			if p.position != rebuilt.Size() {
				return 0, append(wrong, fmt.Sprintf("position %d of the log is missing", rebuilt.Size())), nil
			}
			sum := sha256.Sum256(p.Data)
			if hex.EncodeToString(sum[:]) != p.DataHash {
				wrong = append(wrong, fmt.Sprintf("the data of record %s does not match its hash", p.ID))
			}
			text, err := p.leaf()
			if err != nil {
				return 0, nil, err
			}
			if err := rebuilt.Append(text); err != nil {
				return 0, nil, err
			}
		}
	}
	c, ok, err := Latest(ctx, r)
	if err != nil || !ok {
		return rebuilt.Size(), wrong, err
	}
	if c.Size != rebuilt.Size() {
		wrong = append(wrong, fmt.Sprintf("the checkpoint covers %d records, the log has %d", c.Size, rebuilt.Size()))
		return rebuilt.Size(), wrong, nil
	}
	root, err := tlog.Root(rebuilt.Size(), &rebuilt)
	if err != nil {
		return 0, nil, err
	}
	if verifyingKey == "" {
		return rebuilt.Size(), wrong, nil
	}
	signed, err := tlog.Open([]byte(c.Note), verifyingKey)
	switch {
	case err != nil:
		wrong = append(wrong, fmt.Sprintf("the checkpoint of size %d is not signed by this market: %v", c.Size, err))
	case signed.Root != root || signed.Size != rebuilt.Size():
		wrong = append(wrong, fmt.Sprintf("the records do not add up to the root signed at size %d: a record was changed", c.Size))
	}
	return rebuilt.Size(), wrong, nil
}
