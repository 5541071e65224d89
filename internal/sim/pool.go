package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"yunshi/internal/base/db"
)

// Worker is a process that runs markets for another one. SQLite's memory has one
// lock a process, for which markets that run side by side in one would wait; a
// process that runs one after another needs no locks at all.
type Worker struct {
	cmd *exec.Cmd
	in  *json.Encoder
	out *json.Decoder
	end func() error
}

// answer is what became of it.
type answer struct {
	Result Result
	Error  string
}

// StartWorker starts the program again, with the arguments that make it [Serve].
func StartWorker(ctx context.Context, name string, arguments ...string) (*Worker, error) {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	base, err := baseImage(ctx)
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &Worker{cmd: cmd, in: json.NewEncoder(in), out: json.NewDecoder(bufio.NewReader(out)), end: in.Close}
	if err := w.in.Encode(base); err != nil {
		return nil, errors.Join(fmt.Errorf("sim: the worker process: %w", err), w.Close())
	}
	return w, nil
}

// Run has the process simulate one seed. It tells no steps.
func (w *Worker) Run(ctx context.Context, o Options) (Result, error) {
	var a answer
	err := w.in.Encode(o)
	if err == nil {
		err = w.out.Decode(&a)
	}
	switch {
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case err != nil:
		return Result{}, fmt.Errorf("sim: the worker process: %w", err)
	case a.Error != "":
		return Result{}, errors.New(a.Error)
	}
	return a.Result, nil
}

// Close ends the process after its last market.
func (w *Worker) Close() error { return errors.Join(w.end(), w.cmd.Wait()) }

// Serve runs the markets that it reads of, one after another, until there are no
// more. Before them comes the empty database, because a file wants more than one
// thread.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	if err := db.OneThread(); err != nil {
		return err
	}
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	if err := orders.Decode(&stages.base); err != nil {
		return fmt.Errorf("sim: the empty database: %w", err)
	}
	for {
		var o Options
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		result, err := Run(ctx, o)
		if a.Result = result; err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}
