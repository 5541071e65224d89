package content

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// Scanner looks for malware in a file.
type Scanner interface {
	// Name tells scanners and their versions apart in reports: "clamav".
	Name() string
	// Scan reads all of the file. A signature that was found is no error.
	// ErrScanSize for a file that is larger than the scanner takes, ErrNoScanner
	// when it does not answer.
	Scan(ctx context.Context, file io.Reader) (signature string, err error)
}

// File is what a scanner said of a content.
type File struct {
	SHA256     string
	Size       int64
	Infected   bool
	Signature  string
	Scanner    string
	Quarantine string // key in the store of the sealed bytes; "" when clean
	ScannedAt  time.Time
}

// Scanned records what the scanner said. What was found infected stays so,
// whatever a later scan says.
func Scanned(ctx context.Context, tx *db.Tx, by audit.Actor, f File) (err error) {
	defer fault.Wrap(&err, "content.Scanned(%s)", f.SHA256)
	f.Infected = f.Signature != ""
	if _, err := tx.Exec(ctx, upsertFile, f.SHA256, f.Size, f.Infected, f.Signature, f.Scanner, db.Micros(tx.Now())); err != nil {
		return err
	}
	if !f.Infected {
		return nil
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.file.infected", Subjects: []string{f.SHA256}, Clauses: []string{"UA 4.7.6"},
		Data: map[string]any{"signature": f.Signature, "scanner": f.Scanner, "size": f.Size},
	})
}

// Rejected records who has uploaded an infected file, under which name.
func Rejected(ctx context.Context, tx *db.Tx, by audit.Actor, sha, name string) (err error) {
	defer fault.Wrap(&err, "content.Rejected(%s)", sha)
	id := tx.ID("upl")
	sealed, err := tx.Keys().Seal(cut(name), uploadAt(id))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertUpload, id, sha, sealed, by.Account, by.User, db.Micros(tx.Now()))
	return err
}

func cut(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	return name[:min(len(name), 400)]
}

// MustPass refuses a content that no scan has passed. Every package asks before
// it notes a file.
func MustPass(ctx context.Context, r db.Reader, sha string) error {
	f, known, err := FileOf(ctx, r, sha)
	if err != nil {
		return err
	}
	return passed(known, f)
}

// FileOf is what is known of a content.
func FileOf(ctx context.Context, r db.Reader, sha string) (f File, known bool, err error) {
	f, err = db.One(ctx, r, scanFile, selectFile, sha)
	if errors.Is(err, db.ErrNoRow) {
		return File{SHA256: sha}, false, nil
	}
	return f, err == nil, err
}

// Infected lists the newest contents in quarantine.
func Infected(ctx context.Context, r db.Reader, n int) ([]File, error) {
	return db.All(ctx, r, scanFile, selectInfected, n)
}

// builtIn knows the test file that every scanner must find, and nothing else. It
// stands in where no scanner is configured, and says so by its name.
type builtIn struct{}

// BuiltIn is the name of the check that stands in for a scanner.
const BuiltIn = "builtin"

// eicar is the test file of the European Institute for Computer Antivirus
// Research, in two parts, so that scanners leave the sources alone.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// Name is [BuiltIn].
func (builtIn) Name() string { return BuiltIn }

// Scan looks for the test file wherever it stands.
func (builtIn) Scan(ctx context.Context, file io.Reader) (string, error) {
	buffer := make([]byte, 64<<10)
	kept := 0
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := file.Read(buffer[kept:])
		if strings.Contains(string(buffer[:kept+n]), eicar) {
			return "Eicar-Test-Signature", nil
		}
		end := kept + n
		kept = min(end, len(eicar)-1)
		copy(buffer, buffer[end-kept:end])
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
}
