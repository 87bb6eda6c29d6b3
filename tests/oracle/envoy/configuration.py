"""Writes one Envoy configuration that holds many policy sets at once.

Which set a request meets: over HTTP, a route is chosen by the header `x-oracle-case`, and the route brings its own RBAC
rules; over TCP, each set has a filter chain. Filter chains are chosen by the source port that the PROXY protocol claims:
no policy can speak of it. Sets share an HTTP chain when their path normalisation and their jwt_authn filter are equal."""

import json

TYPE = "type.googleapis.com/envoy."
RBAC_HTTP = TYPE + "extensions.filters.http.rbac.v3.RBAC"
JWT = TYPE + "extensions.filters.http.jwt_authn.v3.JwtAuthentication"
PRINCIPAL = "io.istio.peer_principal"
# The TLV that carries the peer of a TCP connection: one of those left to private use.
TLV_PRINCIPAL = 0xE0
# AUDIT, DENY and ALLOW.
LOCAL_SLOTS = 3

# As `buildHTTPConnectionManager` sets them.
NORMALIZATION = {
    "NONE": {"normalize_path": False},
    "BASE": {"normalize_path": True},
    "DEFAULT": {"normalize_path": True},
    "MERGE_SLASHES": {"normalize_path": True, "merge_slashes": True},
    "DECODE_AND_MERGE_SLASHES": {
        "normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
    },
}
# As `extractRuntimeFlags` sets them, for those that bear on requests or on regular expressions.
RUNTIME = {
    "re2.max_program_size.error_level": "32768",
    "envoy.reloadable_features.http_reject_path_with_fragment": False,
}


def typed(name, kind, **fields):
    return {"name": name, "typed_config": {"@type": TYPE + kind, **fields}}


def filter_state(template):
    return [{
        "object_key": PRINCIPAL, "factory_key": "envoy.string", "skip_if_empty": True,
        "format_string": {"text_format_source": {"inline_string": template}, "omit_empty_values": True},
    }]


IDENTITY_HTTP = typed("identity", "extensions.filters.http.set_filter_state.v3.Config",
                      on_request_headers=filter_state("%REQ(x-oracle-identity)%"))
IDENTITY_TCP = typed("identity", "extensions.filters.network.set_filter_state.v3.Config",
                     on_new_connection=filter_state("%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol:peer)%"))
ECHO = typed("echo", "extensions.filters.network.echo.v3.Echo")
ROUTER = typed("router", "extensions.filters.http.router.v3.Router")
PROXY_PROTOCOL = typed("proxy", "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                       rules=[{"tlv_type": TLV_PRINCIPAL, "on_tlv_present": {"key": "peer"}}])
TLS_INSPECTOR = typed("tls", "extensions.filters.listener.tls_inspector.v3.TlsInspector")
# Says in a header who answered instead of the application, and leaves the body out.
LOCAL_REPLY = {
    "mappers": [{
        "filter": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "x"}}}},
        "headers_to_add": [{"header": {"key": "x-oracle-details", "value": "%RESPONSE_CODE_DETAILS%"}}],
    }],
    "body_format": {"text_format_source": {"inline_string": ""}},
}


class Configuration:
    """Collects the chains of some cases; `chain_of` tells which source port leads to a case."""

    def __init__(self, mutual_tls=False):
        self.mutual_tls = mutual_tls
        self.chain_of = {}
        self.http = {}
        self.tcp = []
        self.secured = set()
        self.chains = 0

    def add(self, number, case, filters):
        """Adds a case under its number; `filters` is what the translator answered."""
        if case.get("protocol", "http") == "tcp":
            chain = self.chain_of[number] = self._next()
            self.tcp.append((chain, [readable(each) for each in filters["tcp"]]))
        else:
            normalization = (case.get("mesh") or {}).get("pathNormalization") or "BASE"
            custom, jwt, local = split(filters["http"])
            key = (normalization, json.dumps(jwt))
            if key not in self.http:
                self.http[key] = {"chain": self._next(), "jwt": jwt, "routes": {}, "customs": 0}
            shared = self.http[key]
            chain = self.chain_of[number] = shared["chain"]
            shared["routes"][str(number)] = route(custom, local)
            shared["customs"] = max(shared["customs"], len(custom))
        if self.mutual_tls or any(request.get("sni") for request in case["requests"]):
            self.secured.add(chain)

    def _next(self):
        self.chains += 1
        return self.chains

    def render(self, plain, tls, certificates):
        """Returns the whole configuration, with listeners at the two Unix sockets."""
        chains = [(shared["chain"], [connection_manager(key[0], shared)], True) for key, shared in self.http.items()]
        chains += [(number, [IDENTITY_TCP, *filters, ECHO], False) for number, filters in self.tcp]
        listeners = [listener("plain", plain, [PROXY_PROTOCOL], [chain(number, filters) for number, filters, _ in chains])]
        # A TCP request without a certificate sends a hello and no more: its chain does not speak TLS.
        secured = [chain(number, filters, certificates if http or self.mutual_tls else None)
                   for number, filters, http in chains if number in self.secured]
        if secured:
            listeners.append(listener("tls", tls, [PROXY_PROTOCOL, TLS_INSPECTOR], secured))
        return {
            "static_resources": {"listeners": listeners},
            "layered_runtime": {"layers": [{"name": "static", "static_layer": RUNTIME}]},
            "stats_config": {"stats_matcher": {"reject_all": True}},
        }


def split(filters):
    """Parts the filters of an HTTP chain into those before jwt_authn, jwt_authn and those after it.

    Without jwt_authn, CUSTOM and the rest cannot be told apart, and need not be."""
    custom, jwt, local = [], None, []
    for each in filters:
        kind = each["typedConfig"]["@type"]
        if kind == JWT:
            custom, local, jwt = local, [], each
        elif kind == RBAC_HTTP:
            local.append(readable(each["typedConfig"]))
        else:
            raise NotImplementedError(f"the filter {each['name']}")
    if jwt is None and len(local) > LOCAL_SLOTS:
        custom, local = local[:-LOCAL_SLOTS], local[-LOCAL_SLOTS:]
    return custom, jwt, local


def readable(rbac):
    """Reads source addresses from where the PROXY protocol puts them.

    `direct_remote_ip`, which Istio writes, is by definition the address of the socket: 127.0.0.1 here. `source_ip` matches
    the same ranges against the address that the PROXY protocol claims."""
    return json.loads(json.dumps(rbac).replace('"directRemoteIp":', '"sourceIp":'))


def route(custom, local):
    per_route = TYPE + "extensions.filters.http.rbac.v3.RBACPerRoute"
    slots = {f"custom-{i}": rbac for i, rbac in enumerate(custom)} | {f"local-{i}": rbac for i, rbac in enumerate(local)}
    return {"action": {"name": "route", "typed_config": {
        "@type": TYPE + "config.route.v3.Route",
        "match": {"prefix": ""},
        "direct_response": {"status": 200},
        "typed_per_filter_config": {
            slot: {"@type": per_route, "rbac": {name: value for name, value in rbac.items() if name != "@type"}}
            for slot, rbac in slots.items()
        },
    }}}


def connection_manager(normalization, shared):
    rbac = {"@type": RBAC_HTTP}
    filters = [IDENTITY_HTTP]
    filters += [{"name": f"custom-{i}", "typed_config": rbac} for i in range(shared["customs"])]
    filters += [shared["jwt"]] if shared["jwt"] else []
    filters += [{"name": f"local-{i}", "typed_config": rbac} for i in range(LOCAL_SLOTS)]
    header = typed("case", "type.matcher.v3.HttpRequestHeaderMatchInput", header_name="x-oracle-case")
    return typed(
        "http", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="http", use_remote_address=False, forward_client_cert_details="APPEND_FORWARD",
        set_current_client_cert_details={"subject": True, "uri": True, "dns": True}, stream_idle_timeout="0s", **NORMALIZATION[normalization],
        upgrade_configs=[{"upgrade_type": "websocket"}], local_reply_config=LOCAL_REPLY, http_filters=[*filters, ROUTER],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "matcher": {
            "matcher_tree": {"input": header, "exact_match_map": {"map": shared["routes"]}}}}]},
    )


def chain(number, filters, certificates=None):
    made = {"name": str(number), "filter_chain_match": {"source_ports": [number]}, "filters": filters}
    if certificates:
        own = {"certificate_chain": {"filename": certificates.server}, "private_key": {"filename": certificates.key_file}}
        made["transport_socket"] = typed(
            "tls", "extensions.transport_sockets.tls.v3.DownstreamTlsContext", common_tls_context={
                "tls_certificates": [own],
                "validation_context": {"trusted_ca": {"filename": certificates.authority}},
            })
    return made


def listener(name, path, listener_filters, chains):
    return {"name": name, "address": {"pipe": {"path": path}}, "listener_filters": listener_filters, "filter_chains": chains}
