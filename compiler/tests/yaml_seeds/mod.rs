//! Texts to test a YAML reader with: documents people write, and texts that readers stumble over.

/// Documents as people write them, in both languages.
pub const DOCUMENTS: &[&str] = &[
    r#"# policy/payments/tenant.yaml
apiVersion: ringfence/v1alpha1
kind: Tenant
metadata: {name: payments}
spec:
  owners: {security: [team:payments-security], traffic: [team:payments-sre]}
  mandates:
    mtls: {atMost: strict}                        # no port below may take plaintext
    access:
      from: {atMost: [/payments, zone:edge]}
    jwt: {issuers: {atMost: ["https://login.acme.example"]}}
    exceptions: {approvers: [team:ciso], approvals: 2, maxDays: 30}
---
apiVersion: ringfence/v1alpha1
kind: Access
metadata: {name: checkout-to-ledger}
spec:
  to: ledger:api
  allow:
    - from: checkout
      ports: [8080]
      methods: [POST]
      paths: ["/v1/entries", "/v1/entries/{*}"]
    - from: {jwt: {issuer: "https://login.acme.example", claims: {role: auditor}}}
      mode: dryRun
      until: 2027-03-01
  deny:
    - paths: ["/admin/{**}"]
      reason: admin goes through the bastion
"#,
    r#"apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: ratings
  namespace: bookinfo
  annotations:
    note: "a \"quoted\" word\tand a tab"
spec:
  selector:
    matchLabels:
      app: ratings
      version: 'v1'
  action: ALLOW
  rules:
  - from:
    - source:
        principals: ["cluster.local/ns/bookinfo/sa/reviews"]
        notNamespaces:
        - "*"
    to:
    - operation: {methods: [GET, HEAD], ports: ["9080", '9443']}
    when:
    - key: request.headers[x-team]
      values:
      - a b c
"#,
    r#"apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec:
  mtls:
    mode: STRICT
  portLevelMtls:
    8080:
      mode: PERMISSIVE
    "9090": {mode: DISABLE}
"#,
    r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: scripts
  creationTimestamp: null
data:
  run.sh: |
    #!/bin/sh
    set -eu
      indented

    echo "done"
  folded: >-
    several words
    on several lines

      and an indented one
  keep: |+
    text

  config.json: |2
     { "a": 1 }
  empty: ""
  wrapped: this text
    goes on
    and on
  quoted: "this text
    goes on \
    and on"
---
apiVersion: v1
kind: Secret
metadata:
  name: key
type: Opaque
data:
  key: aGVsbG8=
"#,
    r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: &labels
    app: web
    tier: "1"
spec:
  replicas: 3
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels:
        <<: *labels
        version: v2
    spec:
      serviceAccountName: web
      containers:
      - name: web
        image: registry.example/web:1.27@sha256:0b0ace04
        args:
        - --listen=0.0.0.0:9094
        - -v
        ports:
        - containerPort: 8080
          protocol: TCP
        env:
        - {name: A, value: "yes"}
        - {name: B, value: '0755'}
        resources: {limits: {cpu: 500m, memory: 1.5Gi}, requests: {cpu: 0.5}}
        volumeMounts: []
      volumes:
      - name: c
        configMap: {name: scripts, defaultMode: 0755}
      - emptyDir: {}
        name: tmp
"#,
    "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"List\",\n\t\"items\": [\n\t\t{\"a\": 1.0, \"b\": [true, null, \"x\\/y\", \"\\ud83d\\ude00\"]},\n\t\t{}\n\t]\n}\n",
    "a: &base\n  x: 1\n  y: [1, 2]\nb:\n  <<: *base\n  z: *base\nc:\n  <<: [*base, {x: 2, w: 3}]\n  x: 4\n",
    "? key\n: value\n? [a]\n: b\n",
    "key:    # comment\n  - a   # comment\n  # comment\n\n  -   - b\n      - c\n  - - d\n    -\n  -\n    e: f\n",
    "---\n# first\na: 1\n...\n---\n# nothing\n---\nb: 2\n--- # third\nc: 3\n",
    "url: http://example.com:80/a#b\ntime: 12:30:45\ndate: 2026-11-22\nstamp: 2026-11-22T01:02:03Z\nip: 10.0.0.1\ncidr: 10.0.0.0/8\nspan: a - b\nglob: a*b?c\nenv: $HOME\npercent: 50%\nat: a@b\n",
];

/// Texts that at least one reader of the field gets wrong.
pub const HOSTILE: &[&str] = &[
    "a: 1\na: 2\n",
    "a: {b: 1, b: 2}\n",
    "yes: 1\ntrue: 2\n",
    "1: a\n\"1\": b\n",
    "a: yes\nb: NO\nc: On\nd: y\n",
    "y: 1\nn: 2\non: 3\n",
    "a: 0755\nb: 1_000\nc: 0o7\nd: 0b11\ne: 0x1F\n",
    "a: 08\nb: 1e3\nc: .5\nd: 5.\ne: +1\nf: -0\n",
    "a: 0b-1\nb: -0b1\nc: 0O7\nd: 0X_f\ne: 1__0\nf: ._5\n",
    "a: 18446744073709551615\nb: 18446744073709551616\nc: -9223372036854775809\nd: 1e400\n",
    "a: .inf\n",
    "a: .nan\n",
    "a: 1.0\nb: 1.50\nc: 1e21\nd: 1e-7\ne: 100000000000000000000.0\n",
    "1.5: a\n1e6: b\n0x10: c\n",
    "a: ~\nb: null\nc: Null\nd:\ne: ''\n",
    "~: a\n",
    "a: 12:30\nb: 1:30:00\nc: 190:20:30.15\n",
    "a: 2001-1-1\nb: 2001-12-14t21:59:43.10-05:00\nc: 2001-12-14 21:59:43.10 -5\n",
    "# c\u{85}b: 2\n",
    "# c\u{2028}b: 2\na: 1\n",
    "a: x\u{2029}y\n",
    "a: 1\rb: 2\n",
    "a: \"x\u{202e}y\"\n",
    "a: x\u{0}y\n",
    "a: \"x\u{7f}y\"\n",
    "\u{feff}a: 1\n",
    "a: 1\n\u{feff}b: 2\n",
    "\u{feff}---\na: 1\n---\n\u{feff}b: 2\n",
    "a: \u{feff}x\n",
    "a: 1\n...\nb: 2\n",
    "--- {a: 1}\n",
    "---a: 1\n",
    "a: '\n---x'\n",
    "a: |\n  x\n---\nb: 1\n",
    "%YAML 1.2\n---\na: 1\n",
    "%TAG ! tag:example.com,2000:\n---\na: !x 1\n",
    "{a:}\n",
    "{a: , b: 1}\n",
    "[a, b]\n",
    "{a, b}\n",
    "a: [b, , c]\n",
    "a: [b, c, ]\n",
    "a: {b: c, }\n",
    "a: [b: c, d]\n",
    "a: [\"b\":c]\n",
    "a: {\"b\":c}\n",
    "a: {b: c\n}\n",
    "a: [\n  b\n]\n",
    "a:b\n",
    "a: b: c\n",
    "a: 'b': c\n",
    "a: \"b\" c\n",
    "a:\n\tb: 1\n",
    "a:\n - b\n\t- c\n",
    "a: b\t# c\n",
    "a:\tb\n",
    "-\ta: 1\n",
    "a: |\n\tx\n",
    "a: |\n  \tx\n\n \n  y\n",
    "a: >\n  x\n   y\n  z\n\n\n  w\n",
    "a: |1\n x\n  y\n",
    "a: |-\n\n  x\n\nb: 1\n",
    "a: |+\n  x",
    "a: |\n  x",
    "a: >+\n\n\n",
    "a: | # comment\n  x\n",
    "a: |x\n  y\n",
    "a: |\n   x\n  y\n",
    "a: 1\n b: 2\n",
    "a:\n  b: 1\n c: 2\n",
    "a:\n- b\n - c\n",
    "a: [1, 2\nb: 3\n",
    "a: \"x\nb: 3\n",
    "a: 'x\n\n  y'\n",
    "a: \"x\n\n  \\\n  y \\\n\n  z\"\n",
    "a: x\n\n  y\n",
    "a: x # y\n  z\n",
    "a: @x\n",
    "a: `x`\n",
    "a: %x\n",
    "a: *b\n",
    "a: &b\n",
    "a: &b c\nd: *b\n*b : e\n",
    "a: &a [*a]\n",
    "a: &x {b: &x 1, c: *x}\nd: *x\n",
    "&a b: *a\n",
    "a: &b.c d\ne: *b.c\n",
    "a: &é 1\nb: *é\n",
    "<<: {a: 1}\nb: 2\n",
    "a: 1\n<<: {a: 2, b: 3}\n",
    "<<: {a: 2, b: 3}\na: 1\n",
    "<<: [{a: 1}, {a: 2}]\n",
    "<<: [1]\n",
    "<<: x\n",
    "\"<<\": {a: 1}\n",
    "a: <<\nb: =\n",
    "a: &l [{b: 1}]\nc:\n  <<: *l\n",
    "x: &x {1: a}\ny:\n  \"1\": b\n  <<: *x\n",
    "a: !!str 1\nb: !!int \"2\"\nc: !!float 3\nd: !!bool \"yes\"\ne: !!null \"\"\n",
    "a: !!binary aGk=\nb: !!binary /w==\nc: !!str\nd: ! 12\ne: !foo 12\nf: !!int x\n",
    "a: !!timestamp 2001-01-01\n",
    "a: !!set {b, c}\nd: !!map {e: f}\ng: !!seq [h]\ni: !!omap [{j: k}]\n",
    "! <<: {a: 1}\n!!merge <<: {b: 1}\n",
    "!<tag:yaml.org,2002:str> a: !<x> 1\n",
    "!!int 1: a\n!!str 2: b\n",
    "? {a: b}\n: c\n",
    "[a]: b\n",
    "{a: b}: c\n",
    "{{ template }}\n",
    "a: {{ template }}\n",
    "a: ?b\nc: :d\ne: f:\n",
    "a: [?b, :c, d:]\n",
    ":a: b\n?c: d\ne: ::\n- :f\n",
    "a: :path\nb: ::1\nc:\n- :authority\n- ?d\n",
    "? a\n? b\n",
    ": a\n",
    "a: - b\n",
    "a: -\n",
    "- a\n- b\n",
    "just text\n",
    "42\n",
    "",
    "\n\n",
    "# only a comment\n",
    "---\n---\n",
    "null\n",
    "~\n---\na: 1\n",
    "{}\n",
    "a: \"\\/\\x41\\u0041\\U00000041\\N\\_\\L\\P\\e\\0\\ \\\t\"\n",
    "a: \"\\ud83d\\ude00\"\n",
    "{\"a\": \"\\ud83d\\ude00\\/\"}\n",
    "{\"a\": 1e400}\n",
    "{\"a\": 1, \"a\": 2}\n",
    "{\"a\": 1}{\"b\": 2}\n",
    "{\"a\": 1}\n---\n{\"b\": 2}\n",
    "{\"a\": 1} # c\n",
    "a: \"\\'\"\n",
    "a: 'it''s'\n",
    "a: it's \"fine\"\n",
    "a: b#c\nd: #e\nf: g #h\n",
    "a: 1\r\nb: |\r\n  x\r\n  y\r\n",
    "a: \"x\r\n  y\"\r\n",
    "a: \u{e000}\u{10ffff}\u{fffd}\n",
    "a: \u{1f600} ü\n",
    "a: [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\n",
];

/// Pieces to put somewhere.
pub const PIECES: &[&str] = &[
    ": ",
    "- ",
    "? ",
    "\n",
    "\n  ",
    "\n- ",
    " #",
    "# ",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "!!int ",
    "!x ",
    "! ",
    "|",
    ">",
    "|-\n",
    ">+\n",
    "---\n",
    "--- ",
    "...\n",
    "\t",
    "\r\n",
    "\r",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\u{a0}",
    "\0",
    "\u{7f}",
    "%",
    "@",
    "`",
    "~",
    "null",
    "yes",
    "0755",
    "1e3",
    "1_0",
    ".inf",
    "=",
    "<<",
    ":",
    "?",
    "-",
    "\\",
    "\\n",
    "\\\n",
    "''",
    "\"\"",
    "{}",
    "[]",
    "  ",
    "    ",
    " ",
    "é",
    "\u{1f600}",
    "12:30",
    "2001-01-01",
    "0x1F",
    "a: &a {b: c}\n",
    "{a: b}",
    "[a, b]",
    "a: 1\n",
    "  a: 1\n",
];
