// Command yunshi is the whole marketplace in one binary.
package main

import (
	"os"

	"yunshi/internal/edge/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
