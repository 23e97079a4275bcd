package main

import (
	"fmt"
	"io"
	"os"
)

type roomExportCmd struct {
	roomFlags
	Recording string `arg:"" help:"The recording's id, as 'sensocto room record ROOM --list' shows it."`
	Output    string `short:"o" type:"path" placeholder:"FILE" help:"The archive, - for standard output; by default RECORDING.zip."`
	Force     bool   `help:"Replace a file that exists."`
}

// Help is shown by --help.
func (roomExportCmd) Help() string {
	return `The archive has a CSV file for each sensor that you may export, and recording.json,
which says which others were recorded. A download that breaks off leaves no file.`
}

// Run downloads the archive.
func (c roomExportCmd) Run(a *app) error {
	file := c.Output
	if file == "" {
		file = c.Recording + ".zip"
	}
	if _, err := os.Stat(file); file != "-" && err == nil && !c.Force {
		return fmt.Errorf("%s exists: choose another name with --output, or replace it with --force", file)
	}
	var bytes int64
	err := c.download(a.ctx, "/api/v1"+c.path("recordings", c.Recording, "export"), func(body io.Reader) error {
		out, finish, err := createWhole(a, file)
		if err != nil {
			return err
		}
		bytes, err = io.Copy(out, body)
		return finish(err)
	})
	if err == nil && file != "-" {
		fmt.Fprintf(a.stderr, "%s: %s\n", file, humanBytes(bytes))
	}
	return err
}
