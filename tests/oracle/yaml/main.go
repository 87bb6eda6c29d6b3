// Reads YAML streams as kubectl does, for comparison with our reader.
//
// In: one stream a line on standard input, in Base64. Out: one line for each, either a JSON list of the documents of the
// stream or an exclamation mark and the error. Null and empty documents are left out, as kubectl leaves them out.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	jsonutil "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// How far kubectl looks for an opening brace before it decides between JSON and YAML.
const lookAhead = 4096

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer out.Flush()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		stream, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil {
			fmt.Fprintln(os.Stderr, "not Base64:", err)
			os.Exit(2)
		}
		answer(out, stream)
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
}

func answer(out io.Writer, stream []byte) {
	documents, err := read(stream)
	if err != nil {
		fmt.Fprintf(out, "!%s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	fmt.Fprintf(out, "[%s]\n", bytes.Join(documents, []byte(",")))
}

func read(stream []byte) (documents [][]byte, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v", fault)
		}
	}()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), lookAhead)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			if errors.Is(err, io.EOF) {
				return documents, nil
			}
			return nil, err
		}
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		// What comes next in kubectl: an object whose numbers fit.
		var object map[string]interface{}
		if err := jsonutil.Unmarshal(raw, &object); err != nil {
			return nil, err
		}
		var line bytes.Buffer
		if err := json.Compact(&line, raw); err != nil {
			return nil, err
		}
		documents = append(documents, line.Bytes())
	}
}
