package db

import (
	"errors"

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
