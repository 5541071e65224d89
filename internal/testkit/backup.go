package testkit

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"yunshi/internal/base/db"
)

// Backup makes a backup of a database as docs/operator.md tells an operator to: a copy of the file with its log, or a
// dump. Nothing may write to the database meanwhile.
func Backup(t testing.TB, url string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	name, embedded := strings.CutPrefix(url, "sqlite:")
	if !embedded {
		tool(t, "pg_dump", "--format=custom", "--no-owner", "--file="+filepath.Join(dir, "yunshi.dump"), url)
		return dir
	}
	copyLog(t, name, filepath.Join(dir, "yunshi.db"))
	return dir
}

// Restore makes a database from a backup and returns its address.
func Restore(t testing.TB, engine db.Engine, dir string) (url string) {
	t.Helper()
	if engine == db.Postgres {
		url = BlankURL(t, engine)
		tool(t, "pg_restore", "--no-owner", "--dbname="+url, filepath.Join(dir, "yunshi.dump"))
		return url
	}
	name := filepath.Join(t.TempDir(), "restored.db")
	copyLog(t, filepath.Join(dir, "yunshi.db"), name)
	return "sqlite:" + name
}

// copyLog copies an embedded database with the log that is not written back yet.
func copyLog(t testing.TB, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + suffix)
		if suffix != "" && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func tool(t testing.TB, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		MissingInCI(t, "%s is not installed", name)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
