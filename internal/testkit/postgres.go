package testkit

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is the PostgreSQL cluster of this test process.
type cluster struct {
	once     sync.Once
	admin    string // URL of a superuser's connection
	missing  string // why there is none on this machine
	template string // name of the migrated template database
	err      error
	lifeline io.Closer // the pipe that keeps a cluster of our own alive; closed when it is collected
}

var shared cluster

func postgresURL(t testing.TB) string {
	t.Helper()
	startCluster(t)
	return createDatabase(t, shared.template)
}

// startCluster finds or starts the cluster and makes its template database, once per process.
func startCluster(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("PostgreSQL is not used with -short")
	}
	repository := moduleRoot(t)
	shared.once.Do(func() {
		shared.admin = os.Getenv("YUNSHI_TEST_POSTGRES")
		if shared.admin == "" {
			if shared.admin, shared.lifeline, shared.missing = ownCluster(repository); shared.missing != "" {
				return
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		shared.template, shared.err = ensureTemplate(ctx, shared.admin, repository)
	})
	if shared.missing != "" {
		MissingInCI(t, "no PostgreSQL: %s", shared.missing)
	}
	if shared.err != nil {
		t.Fatalf("prepare PostgreSQL: %v", shared.err)
	}
}

// ownCluster starts scripts/with-postgres.sh around a command that ends when this process does: it reads from a pipe
// whose other end only this process holds.
func ownCluster(repository string) (admin string, lifeline io.Closer, missing string) {
	cmd := exec.Command(filepath.Join(repository, "scripts", "with-postgres.sh"),
		"sh", "-c", `printf '%s\n' "$YUNSHI_TEST_POSTGRES"; exec cat >/dev/null`)
	// A file, not a buffer: a buffer needs a goroutine, which tests that count goroutines would report.
	trouble, err := os.CreateTemp("", "yunshi-postgres-")
	if err != nil {
		return "", nil, err.Error()
	}
	defer os.Remove(trouble.Name())
	defer trouble.Close()
	cmd.Stderr = trouble
	lifeline, err = cmd.StdinPipe()
	if err != nil {
		return "", nil, err.Error()
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err.Error()
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err.Error()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait() // the reason is in what it printed
		reason, _ := os.ReadFile(trouble.Name())
		return "", nil, strings.TrimSpace(string(reason))
	}
	return strings.TrimSpace(line), lifeline, ""
}

// ensureTemplate returns the name of a database with the current schema. The name carries a hash of the package that
// makes the schema, so a changed migration gets a new template and test processes side by side share one.
func ensureTemplate(ctx context.Context, admin, repository string) (name string, err error) {
	hash, err := schemaHash(filepath.Join(repository, "internal", "base", "db"))
	if err != nil {
		return "", err
	}
	name = "yunshi_template_" + hex.EncodeToString(hash[:6])

	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	// One process migrates, the others wait for it. The lock goes with the connection.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(binary.BigEndian.Uint64(hash[:8])>>1)); err != nil {
		return "", err
	}
	var ready bool
	err = conn.QueryRow(ctx, "SELECT datistemplate FROM pg_database WHERE datname = $1", name).Scan(&ready)
	switch {
	case err == nil && ready:
		return name, nil
	case err == nil: // a process died while it was migrating
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return "", err
		}
	case !errors.Is(err, pgx.ErrNoRows):
		return "", err
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	address, err := onDatabase(admin, name)
	if err != nil {
		return "", err
	}
	if err := migrate(ctx, address); err != nil {
		return "", fmt.Errorf("migrate the template: %w", err)
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
	return name, err
}

// createDatabase copies a template under a new name and drops the copy when the test ends.
func createDatabase(t testing.TB, template string) string {
	t.Helper()
	startCluster(t)
	var suffix [6]byte
	rand.Read(suffix[:])
	name := "yunshi_test_" + hex.EncodeToString(suffix[:])
	// Copied through the log, which is the default, the same pages cost five times as much.
	if err := administer("CREATE DATABASE " + name + " TEMPLATE " + template + " STRATEGY FILE_COPY"); err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	address, err := onDatabase(shared.admin, name)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// administer runs one statement outside any test's database. It has its own deadline because it also runs in
// cleanups, when the test's context has ended.
func administer(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, shared.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func onDatabase(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// schemaHash hashes every file below dir that is not a test.
func schemaHash(dir string) ([]byte, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(h, "%s\n", filepath.Base(name))
		_, err = io.Copy(h, f)
		return err
	})
	return h.Sum(nil), err
}
