// Package cli is the command line: its grammar, and what each command prints.
//
// Owns: flags, help, progress, exit codes. Does not own: what a command does
// (app and the market) and any rule.
//
// Always true: 0 means done, 1 means that it was refused or went wrong with the
// reason on the error output, 2 means that the command line was not understood;
// secrets are never printed.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"yunshi/internal/app"
	"yunshi/internal/app/demo"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
)

// grammar is the whole command line.
type grammar struct {
	app.Config `embed:""`
	ConfigFile string `name:"config-file" help:"JSON file with the same settings." env:"YUNSHI_CONFIG_FILE" type:"existingfile"`
	Lang       string `help:"Language of the output: zh or en (default: by the environment)." enum:",zh,en" default:""`

	Serve      serveCmd      `cmd:"" help:"Run the market."`
	Demo       demoCmd       `cmd:"" name:"demo" help:"Run a market with made-up people and products, a sandbox payment provider and a sample vendor."`
	Sandboxpay sandboxpayCmd `cmd:"" help:"Run the sandbox payment provider."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database to the schema of this program."`
	Import     ImportCmd     `cmd:"" help:"Import a vendor's products from a file."`
	Verify     verifyCmd     `cmd:"" help:"Re-read the database and check that everything that must be true is."`
	Evidence   EvidenceCmd   `cmd:"" help:"Write everything about an order as a pack that can be checked without this program."`
	Prove      ProveCmd      `cmd:"" help:"Write the proof that records are in the transparency log."`
	Check      CheckCmd      `cmd:"" help:"Check a pack or a proof with the log's public key, without a database or a network."`
	Simulate   SimulateCmd   `cmd:"" help:"Run made-up markets through years of faults and check their money after every transaction."`
	Clause     ClauseCmd     `cmd:"" help:"Show where a clause of the agreement lives in the code, what it refuses and which tests prove it."`
	ShowConfig configCmd     `cmd:"" name:"config" help:"Print the configuration in force, secrets hidden."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// Env is what a command gets.
type Env struct {
	Ctx      context.Context
	Out, Err io.Writer
	Lang     text.Lang
	Config   app.Config
}

// Open opens the market's database for a command beside a running market.
func (e *Env) Open() (*db.DB, error) {
	e.Config.Unhurried = true
	return app.OpenDB(e.Ctx, e.Config, e.log(slog.LevelWarn))
}

func (e *Env) log(level slog.Level) *slog.Logger {
	if e.Config.Verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.Err, &slog.HandlerOptions{Level: level}))
}

// Main runs one command and returns its exit code.
func Main(args []string, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var g grammar
	exit := -1
	parser, err := kong.New(&g, kong.Name("yunshi"), kong.Description("An open, self-hosted cloud marketplace whose user agreement is executable."),
		kong.UsageOnError(), kong.Writers(out, errOut), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	settings, err := fileSettings(args)
	if err != nil {
		fmt.Fprintln(errOut, err)
		return 2
	}
	if settings != nil {
		if err := kong.Resolvers(settings).Apply(parser); err != nil {
			fmt.Fprintln(errOut, err)
			return 2
		}
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		parser.FatalIfErrorf(err)
		return 2
	}
	env := &Env{Ctx: ctx, Out: out, Err: errOut, Lang: language(g.Lang), Config: g.Config.Filled()}
	if err := command.Run(env); err != nil {
		fmt.Fprintln(errOut, "yunshi:", say(env.Lang, err))
		return 1
	}
	return 0
}

// say renders an error for a person at a terminal. Whoever has a shell on the
// server may see the cause.
func say(l text.Lang, err error) string {
	f, ok := fault.Of(err)
	if !ok || f.Kind == fault.Internal {
		return err.Error()
	}
	var lines []string
	for _, one := range fault.All(err) {
		line := text.In(l, "fault."+one.Code, one.Args...)
		if one.Field != "" {
			line = one.Field + ": " + line
		}
		if one.Clause != "" {
			line += " [" + one.Clause + "]"
		}
		lines = append(lines, line+" "+text.In(l, "fault."+one.Code+".next", one.Args...))
	}
	return strings.Join(lines, "\n")
}

// fileSettings reads the configuration file that the command line or the
// environment names, refusing unknown keys.
func fileSettings(args []string) (kong.Resolver, error) {
	path := os.Getenv("YUNSHI_CONFIG_FILE")
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--config-file="); ok {
			path = value
		} else if arg == "--config-file" && i+1 < len(args) {
			path = args[i+1]
		}
	}
	if path == "" {
		return nil, nil
	}
	if _, err := app.ReadFile(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	defer f.Close()
	return kong.JSON(f)
}

// language is the one asked for, or that of the terminal.
func language(asked string) text.Lang {
	if l, ok := text.ParseLang(asked); ok {
		return l
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if strings.HasPrefix(value, "zh") {
				return text.ZH
			}
			return text.EN
		}
	}
	return text.EN
}

type serveCmd struct{}

// Run serves the market until it is told to stop.
func (*serveCmd) Run(e *Env) error {
	log := e.log(slog.LevelInfo)
	market, err := app.New(e.Ctx, e.Config, log)
	if err != nil {
		return err
	}
	defer market.Close()
	log.Info("serving", "url", market.URL(), "version", app.Version(), "engine", market.DB.Engine())
	return market.Run(e.Ctx)
}

type demoCmd struct {
	Story bool `help:"Walk through a whole purchase without a browser, print each step, verify everything and end."`
}

// Run starts the demonstration, or tells its story.
func (c *demoCmd) Run(e *Env) (err error) {
	o := demo.Options{Data: e.Config.Data, Database: e.Config.Database, Listen: e.Config.Listen, Lang: e.Lang, Out: e.Out, Log: e.log(slog.LevelWarn)}
	if c.Story {
		if o.Data, err = os.MkdirTemp("", "yunshi-story-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Data)
		o.Listen = "127.0.0.1:0"
		return demo.Story(e.Ctx, o)
	}
	d, err := demo.Start(e.Ctx, o)
	if err != nil {
		return err
	}
	if err := demo.Guide(e.Out, d.App.URL()); err != nil {
		return errors.Join(err, d.Stop())
	}
	return d.Wait()
}

type sandboxpayCmd struct {
	app.SandboxConfig `embed:"" prefix:"pay-"`
}

// Run serves the sandbox provider until it is told to stop.
func (c *sandboxpayCmd) Run(e *Env) error {
	return app.ServeSandbox(e.Ctx, c.SandboxConfig, e.log(slog.LevelWarn), func(url, control string) {
		fmt.Fprintln(e.Out, text.In(e.Lang, "cli.sandboxpay.ready", "URL", url, "Control", control))
	})
}

type migrateCmd struct{}

// Run migrates and says so.
func (*migrateCmd) Run(e *Env) error {
	d, err := db.Open(e.Ctx, e.Config.DatabaseURL(), db.Options{Patience: db.Forever})
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Migrate(e.Ctx); err != nil {
		return err
	}
	fmt.Fprintln(e.Out, text.In(e.Lang, "cli.migrated"))
	return nil
}

type verifyCmd struct{}

// Run checks everything and fails when anything is wrong.
func (*verifyCmd) Run(e *Env) error {
	d, err := e.Open()
	if err != nil {
		return err
	}
	defer d.Close()
	_, key, err := app.LogKeys(e.Config)
	if err != nil {
		return err
	}
	clean, err := app.Verify(e.Ctx, d, key, e.Lang, e.Out)
	if err == nil && !clean {
		err = errWrong
	}
	return err
}

var errWrong = errors.New("verify: something is wrong; see above. Stop selling, keep the data folder, and call the people who look after the market")

type configCmd struct{}

// Run prints the configuration.
func (*configCmd) Run(e *Env) error { return e.Config.Print(e.Out) }

type versionCmd struct{}

// Run prints the version.
func (*versionCmd) Run(e *Env) error {
	_, err := fmt.Fprintln(e.Out, "yunshi", app.Version())
	return err
}
