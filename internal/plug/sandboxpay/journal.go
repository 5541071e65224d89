package sandboxpay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// entry is one line of the journal: what changed, as complete snapshots, so
// that replaying is nothing but "the last one wins".
type entry struct {
	Seq       int64      `json:"seq"`
	At        time.Time  `json:"at"`
	Kind      string     `json:"kind"`
	Payment   *Payment   `json:"payment,omitempty"`
	Refund    *Refund    `json:"refund,omitempty"`
	Merchant  *Merchant  `json:"merchant,omitempty"`
	Split     *Split     `json:"split,omitempty"`
	Return    *Return    `json:"return,omitempty"`
	Payout    *Payout    `json:"payout,omitempty"`
	Dispute   *Dispute   `json:"dispute,omitempty"`
	Moved     []Movement `json:"moved,omitempty"`
	Key       *onceKey   `json:"key,omitempty"`
	Notice    *notice    `json:"notice,omitempty"`
	Delivered *delivered `json:"delivered,omitempty"`
}

// onceKey is an idempotency key together with what it was used for.
type onceKey struct {
	Key    string `json:"key"`
	Hash   string `json:"hash"`
	Object string `json:"object"`
}

// delivered says that a notice reached one address, or never will.
type delivered struct {
	Event     string `json:"event"`
	URL       string `json:"url"`
	Exhausted bool   `json:"exhausted,omitempty"`
}

// ErrJournal reports a journal that cannot be trusted or written any more.
var ErrJournal = errors.New("sandboxpay: journal")

const journalName = "journal.jsonl"

// journal is an append-only file of lines "crc32 json". A line is either wholly
// on disk or, after a crash, a torn tail that the next start cuts off.
type journal struct {
	file   *os.File
	size   int64
	seq    int64
	broken error
}

// openJournal replays the file into apply and leaves it ready for appending.
// A damaged line that is not the last one is an error: an independent witness
// must not forget silently.
func openJournal(dir string, apply func(entry)) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	file, err := os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	j := &journal{file: file}
	if err := j.replay(apply); err != nil {
		file.Close()
		return nil, err
	}
	if err := syncDir(dir); err != nil {
		file.Close()
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return j, nil
}

func (j *journal) replay(apply func(entry)) (err error) {
	if j.seq, j.size, err = readEntries(j.file, apply); err != nil {
		return err
	}
	return j.cut()
}

// readEntries hands the entries over in order and returns the number of the last
// good one and the bytes up to its end.
func readEntries(from io.Reader, apply func(entry)) (seq, size int64, err error) {
	reader := bufio.NewReaderSize(from, 1<<16)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return seq, size, nil // whatever stands before the end without a newline is torn
		}
		if err != nil {
			return seq, size, fmt.Errorf("%w: %w", ErrJournal, err)
		}
		e, err := decodeLine(line)
		if err != nil {
			if _, peeked := reader.Peek(1); errors.Is(peeked, io.EOF) {
				return seq, size, nil
			}
			return seq, size, fmt.Errorf("%w: line after entry %d is damaged: %w", ErrJournal, seq, err)
		}
		if e.Seq != seq+1 {
			return seq, size, fmt.Errorf("%w: entry %d follows entry %d", ErrJournal, e.Seq, seq)
		}
		seq, size = e.Seq, size+int64(len(line))
		apply(e)
	}
}

// Witness reads what a provider has on disk, without touching it: the payments
// and refunds as its journal has them, by id. The provider may be running.
func Witness(dir string) (payments map[string]Payment, refunds map[string]Refund, err error) {
	file, err := os.Open(filepath.Join(dir, journalName))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	defer file.Close()
	payments, refunds = map[string]Payment{}, map[string]Refund{}
	_, _, err = readEntries(file, func(e entry) {
		if e.Payment != nil {
			payments[e.Payment.ID] = *e.Payment
		}
		if e.Refund != nil {
			refunds[e.Refund.ID] = *e.Refund
		}
	})
	return payments, refunds, err
}

// cut removes everything behind the last good line.
func (j *journal) cut() error {
	if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	if _, err := j.file.Seek(j.size, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return nil
}

// append numbers the entries and makes them durable together, in one write and
// one sync. On an error nothing of them remains, or the journal is broken and
// refuses everything from then on: after a failed sync nobody knows what the
// disk holds.
func (j *journal) append(entries ...*entry) error {
	if j.broken != nil {
		return j.broken
	}
	var lines bytes.Buffer
	for i, e := range entries {
		e.Seq = j.seq + int64(i) + 1
		line, err := encodeLine(*e)
		if err != nil {
			return err
		}
		lines.Write(line)
	}
	if _, err := j.file.Write(lines.Bytes()); err != nil {
		if cutErr := j.cut(); cutErr != nil {
			j.broken = cutErr
		}
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	if err := j.file.Sync(); err != nil {
		j.broken = fmt.Errorf("%w: sync: %w", ErrJournal, err)
		return j.broken
	}
	j.seq += int64(len(entries))
	j.size += int64(lines.Len())
	return nil
}

func (j *journal) close() error {
	if j.broken == nil {
		j.broken = fmt.Errorf("%w: closed", ErrJournal)
	}
	return j.file.Close()
}

func encodeLine(e entry) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(body), body), nil
}

func decodeLine(line []byte) (entry, error) {
	const head = 9 // eight hex digits and a space
	if len(line) < head+1 || line[head-1] != ' ' {
		return entry{}, errors.New("not a journal line")
	}
	want, err := strconv.ParseUint(string(line[:head-1]), 16, 32)
	if err != nil {
		return entry{}, fmt.Errorf("checksum: %w", err)
	}
	body := line[head : len(line)-1]
	if uint64(crc32.ChecksumIEEE(body)) != want {
		return entry{}, errors.New("checksum differs")
	}
	var e entry
	if err := json.Unmarshal(body, &e); err != nil {
		return entry{}, err
	}
	return e, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
