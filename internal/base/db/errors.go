package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors are recognised by the driver's code, never by their text.

// Unique reports a violated UNIQUE or PRIMARY KEY.
func Unique(err error) bool {
	return code(err, "23505", sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// Check reports a violated CHECK, such as the floor of a balance.
func Check(err error) bool {
	return code(err, "23514", sqlite3.SQLITE_CONSTRAINT_CHECK)
}

// Foreign reports a violated foreign key.
func Foreign(err error) bool {
	return code(err, "23503", sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)
}

// Refused reports a statement stopped by a trigger, such as an UPDATE of an
// append-only table.
func Refused(err error) bool {
	return code(err, "P0001", sqlite3.SQLITE_CONSTRAINT_TRIGGER)
}

func code(err error, state string, results ...int) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == state
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		for _, r := range results {
			if lite.Code() == r {
				return true
			}
		}
	}
	return false
}

// serialization reports a transaction that lost a race and may simply run again.
func serialization(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && (lite.Code()&0xff == sqlite3.SQLITE_BUSY || lite.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// outages are the classes and codes with which PostgreSQL says that it cannot
// serve anybody now: connection, resources, shutdown and start.
var outages = []string{"08", "53", "57P", "58", "25P03"}

// available marks an error that means that the database is not there, or has no
// room, with [ErrUnavailable].
func available(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network *net.OpError
	var lite *sqlite.Error
	out := false
	switch {
	case errors.Is(err, context.Canceled): // by whoever asked
	case errors.As(err, &pg):
		for _, prefix := range outages {
			out = out || strings.HasPrefix(pg.Code, prefix)
		}
	case errors.As(err, &lite):
		out = lite.Code()&0xff == sqlite3.SQLITE_FULL || lite.Code()&0xff == sqlite3.SQLITE_IOERR
	default:
		out = errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, driver.ErrBadConn) ||
			errors.Is(err, net.ErrClosed) || errors.Is(err, ErrUnknownCommit) || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
	}
	if !out {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
