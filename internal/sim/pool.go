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
)

// Worker is a process that runs markets for another one. SQLite's memory has one
// lock a process, for which markets that run side by side in one would wait.
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
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Worker{cmd: cmd, in: json.NewEncoder(in), out: json.NewDecoder(bufio.NewReader(out)), end: in.Close}, nil
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
// more.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
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
