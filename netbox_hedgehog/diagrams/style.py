"""Define the style of diagrams: light and dark, on paper, on NetBox's pages and as separate files.

Each color of a text or sign has a contrast of 4.5 : 1 or more with its background; a test computes it.
"""

__all__ = ('DARK', 'LIGHT', 'STYLE')

LIGHT = {
    'bg': '#ffffff', 'box': '#f3f4f6', 'ink': '#111827', 'soft': '#4b5563', 'edge': '#9ca3af', 'mark': '#ffffff',
    'ok': '#15803d', 'warning': '#a34a07', 'critical': '#b91c1c', 'unknown': '#4b5563', 'disabled': '#57534e',
    'tint-warning': '#fef3c7', 'tint-critical': '#fee2e2',
    'fabric': '#1d4ed8', 'mesh': '#7c3aed', 'eslag': '#0f766e', 'mclag': '#4d7c0f', 'bundled': '#a21caf',
    'unbundled': '#44403c', 'gateway': '#0369a1', 'external': '#9a3412',
}
# The ground is that of NetBox's cards in the dark.
DARK = {
    'bg': '#001423', 'box': '#1f2937', 'ink': '#f3f4f6', 'soft': '#cbd5e1', 'edge': '#64748b', 'mark': '#111827',
    'ok': '#4ade80', 'warning': '#fbbf24', 'critical': '#fca5a5', 'unknown': '#cbd5e1', 'disabled': '#d6d3d1',
    'tint-warning': '#422006', 'tint-critical': '#450a0a',
    'fabric': '#93c5fd', 'mesh': '#c4b5fd', 'eslag': '#5eead4', 'mclag': '#bef264', 'bundled': '#f0abfc',
    'unbundled': '#d6d3d1', 'gateway': '#7dd3fc', 'external': '#fdba74',
}

WIRES = ('fabric', 'mesh', 'eslag', 'mclag', 'bundled', 'unbundled', 'gateway', 'external')


def _variables(colors: dict[str, str]) -> str:
    return ''.join(f'--hh-{name}:{value};' for name, value in colors.items())


# Dashes distinguish kinds of links without colors; those of states take precedence.
_DASHES = {'mesh': '10 3', 'bundled': '12 2 2 2', 'gateway': '6 3', 'external': '8 3 2 3', 'mclag': '4 2'}
_WIDTHS = {'eslag': 2.4, 'bundled': 2.4, 'fabric': 1.6}

STYLE = f'''
svg.hh{{{_variables(LIGHT)}background:var(--hh-bg);color:var(--hh-ink);
font-family:Inter,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif}}
[data-bs-theme=dark] svg.hh{{{_variables(DARK)}}}
@media print{{svg.hh,[data-bs-theme=dark] svg.hh{{{_variables(LIGHT)}}}}}
svg.hh text{{fill:var(--hh-ink)}}
svg.hh .soft{{fill:var(--hh-soft)}}
svg.hh .b{{font-weight:600}}
svg.hh text.halo{{stroke:var(--hh-bg);stroke-width:4px;paint-order:stroke;stroke-linejoin:round}}
svg.hh circle.halo{{fill:var(--hh-bg)}}
svg.hh .node{{fill:var(--hh-box);stroke:var(--hh-edge)}}
svg.hh .node.warning{{fill:var(--hh-tint-warning);stroke:var(--hh-warning);stroke-width:1.6}}
svg.hh .node.critical{{fill:var(--hh-tint-critical);stroke:var(--hh-critical);stroke-width:2}}
svg.hh .node.unknown,svg.hh .node.gone{{stroke:var(--hh-unknown);stroke-dasharray:4 3}}
svg.hh .frame{{fill:none;stroke:var(--hh-edge);stroke-dasharray:2 3}}
svg.hh .box{{fill:var(--hh-bg);stroke:var(--hh-edge)}}
svg.hh .rail{{stroke:var(--hh-fabric);stroke-width:3;fill:none;stroke-linecap:round}}
svg.hh .grid{{stroke:var(--hh-edge);stroke-width:.5;stroke-dasharray:2 3;fill:none}}
svg.hh .axis{{stroke:var(--hh-edge);fill:none}}
svg.hh .mark{{stroke:var(--hh-mark);stroke-width:1.7;fill:none;stroke-linecap:round;stroke-linejoin:round}}
svg.hh .cross{{stroke:var(--hh-critical);stroke-width:2.4;fill:none;stroke-linecap:round}}
svg.hh .cross.thin{{stroke-width:1.6}}
svg.hh .bar{{stroke:var(--hh-disabled);stroke-width:1.6;fill:none}}
svg.hh .ring{{stroke:var(--hh-unknown);stroke-width:1.6;fill:var(--hh-bg)}}
svg.hh .pip{{fill:var(--hh-fabric);stroke:var(--hh-fabric)}}
svg.hh .pip.down{{fill:var(--hh-bg);stroke:var(--hh-critical)}}
svg.hh .pip.disabled{{fill:var(--hh-bg);stroke:var(--hh-disabled)}}
svg.hh .pip.unknown,svg.hh .pip.hidden{{fill:none;stroke:var(--hh-unknown);stroke-dasharray:2 1.5}}
svg.hh .s-unknown{{stroke:var(--hh-unknown);stroke-width:1.3;fill:none;stroke-dasharray:2.5 1.8}}
{''.join(f'svg.hh .f-{name}{{fill:var(--hh-{name})}}svg.hh text.{name}{{fill:var(--hh-{name})}}' for name in (
    'ok', 'warning', 'critical', 'unknown', 'disabled', 'fabric',
))}
svg.hh .wire{{fill:none;stroke-width:1.5}}
svg.hh .hit{{fill:none;stroke:transparent;stroke-width:9}}
{''.join(
    f'svg.hh .wire.{kind}{{stroke:var(--hh-{kind});stroke-width:{_WIDTHS.get(kind, 1.5)};'
    f'stroke-dasharray:{_DASHES.get(kind, "none")}}}' for kind in WIRES
)}
svg.hh .wire.down{{stroke:var(--hh-critical);stroke-dasharray:5 4;stroke-width:2}}
svg.hh .wire.disabled{{stroke:var(--hh-disabled);stroke-dasharray:2 4}}
svg.hh .wire.unknown,svg.hh .wire.hidden{{stroke:var(--hh-unknown);stroke-dasharray:1 4;stroke-linecap:round}}
svg.hh .sync-in_sync{{fill:var(--hh-fabric)}}
svg.hh .sync-partial{{fill:var(--hh-warning)}}
svg.hh .sync-failed{{fill:var(--hh-critical)}}
svg.hh .sync-skipped,svg.hh .sync-cancelled{{fill:var(--hh-edge)}}
svg.hh .changes{{fill:var(--hh-eslag)}}
svg.hh .pause{{fill:var(--hh-tint-critical);stroke:var(--hh-critical);stroke-dasharray:4 3}}
svg.hh .target{{fill:transparent}}
svg.hh a:hover .target{{fill:var(--hh-edge);fill-opacity:.3}}
svg.hh a{{cursor:pointer}}
svg.hh a:hover .node,svg.hh a:focus .node,svg.hh a:focus-visible .node{{stroke:var(--hh-fabric);stroke-width:2.5}}
svg.hh a:hover text{{text-decoration:underline}}
svg.hh a:hover .wire,svg.hh a:focus .wire{{stroke-width:4}}
'''.strip()
