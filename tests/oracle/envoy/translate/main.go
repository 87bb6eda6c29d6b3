// Command translate turns policies into the Envoy filters that Istio's control plane would send to one workload.
//
// In come cases, one JSON object a line (../README.md has the format); out comes one line a case, in the same order, with
// the filters of its HTTP chain and of its TCP chain. Nothing about policies is decided here: which of them reach a
// workload, what they become and in which order the filters stand is Istio's own code, linked in.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"istio.io/istio/pkg/log"
)

// Case is the part of a line that decides about filters; requests are the runner's.
type Case struct {
	ID       string            `json:"id"`
	Mesh     json.RawMessage   `json:"mesh"`
	Objects  []json.RawMessage `json:"objects"`
	Workload struct {
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"workload"`
}

// Filters is the answer to one case.
type Filters struct {
	ID string `json:"id"`
	// HTTP and TCP hold the filters of each chain, in the order of the proxy.
	HTTP []json.RawMessage `json:"http"`
	TCP  []json.RawMessage `json:"tcp"`
	// Refused has what the webhook would say, had the objects gone through it; they are translated all the same.
	Refused []string `json:"refused,omitempty"`
	// Error says why the case has no filters.
	Error string `json:"error,omitempty"`
}

// asFilterState has policies read the peer from filter state, as waypoints do, and not from its certificate. The string
// matchers are the same; filter state can be set without mutual TLS.
var asFilterState = true

func main() {
	peer := flag.String("peer", "filter-state", "where policies read the peer from: filter-state, or certificate as in sidecars")
	flag.Parse()
	asFilterState = *peer != "certificate"
	// Istio logs to standard output by default, which is ours.
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	options.SetDefaultOutputLevel("default", log.NoneLevel)
	for _, scope := range []string{"authorization", "authn", "model"} {
		options.SetDefaultOutputLevel(scope, log.NoneLevel)
	}
	if err := log.Configure(options); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func run(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	for {
		line, err := reader.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var c Case
			if err := json.Unmarshal(line, &c); err != nil {
				return fmt.Errorf("not a case: %w", err)
			}
			answer, err := json.Marshal(answer(c))
			if err != nil {
				return err
			}
			if _, err := writer.Write(append(answer, '\n')); err != nil {
				return err
			}
		}
		// Whoever waits for an answer before the next question gets it.
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return writer.Flush()
		}
		if err != nil {
			return err
		}
	}
}

func answer(c Case) Filters {
	filters, err := translate(c)
	filters.ID = c.ID
	if err != nil {
		filters.Error = err.Error()
	}
	return filters
}
