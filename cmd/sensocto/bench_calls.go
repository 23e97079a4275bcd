package main

import (
	"context"
	"errors"

	"github.com/sensocto/sensocto/bench"
)

const scenarioCalls = "calls"

// runCalls measures what the signalling of calls costs a server.
func (c benchCmd) runCalls(a *app) error {
	config := bench.DefaultCalls()
	config.Rooms, config.Peers = c.Rooms, c.Peers
	override(&config.Duration, c.Duration)
	server, err := c.callServer(a.ctx)
	if err != nil {
		return err
	}
	result, err := bench.RunCalls(a.ctx, config, server.Target)
	if err = errors.Join(err, server.Close()); err != nil {
		return err
	}
	return c.report(a, result)
}

// callServer is a server on which everybody may make an account.
func (c benchCmd) callServer(ctx context.Context) (*bench.Server, error) {
	if c.Server != "" {
		return &bench.Server{Target: bench.Target{URL: c.Server, PID: c.PID}}, nil
	}
	binary, err := c.binary()
	if err != nil {
		return nil, err
	}
	return bench.StartProgram(ctx, binary, "--log-level", "warn", "--registration", "open")
}
