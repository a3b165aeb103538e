"""The documentation site: built with warnings as errors, whole without a network, and its pages lead somewhere."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import nbformat
import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from tool_runs import ROOT

if sys.version_info < (3, 11):
    pytest.skip('mkdocstrings, and so the site, needs Python 3.11', allow_module_level=True)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """The built site; a warning raises ``mkdocs.exceptions.Abort``."""
    folder = tmp_path_factory.mktemp('site')
    config = load_config(str(ROOT / 'mkdocs.yml'), site_dir=str(folder), strict=True)
    config.plugins.on_startup(command='build', dirty=False)
    build(config)
    return folder


class _Found(HTMLParser):
    """What a page fetches by itself, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        if tag == 'a':
            self.links.append(values.get('href') or '')
        elif tag in ('script', 'img', 'iframe', 'link') and values.get('rel') != 'canonical':
            self.fetched += [values[key] for key in ('src', 'href') if values.get(key)]


def test_nothing_is_fetched_from_elsewhere(site):
    for page in site.rglob('*.html'):
        if page.name != '404.html':  # its addresses start at the root of a server
            for address in _Found(page.read_text()).fetched:
                assert not re.match(r'(https?:)?//', address), f'{page.name}: {address}'
                assert address.startswith('data:') or (page.parent / address.split('?')[0]).is_file(), (
                    f'{page}: {address}'
                )
    for style in site.rglob('*.css'):
        assert not re.search(r'url\(["\']?https?:', style.read_text()), style


def test_links_within_the_site_lead_to_a_file(site):
    count = 0
    for page in site.rglob('*.html'):
        if page.name != '404.html':
            for link in _Found(page.read_text()).links:
                if not re.match(r'\w+:|#', link) and link:
                    count += 1
                    assert (page.parent / link.split('#')[0]).exists(), f'{page.relative_to(site)}: {link}'
    assert count > 1000


@pytest.mark.parametrize('method', ['auxskd', 'vspp', 'videopace', 'vcop', 'rspnet'])
def test_a_page_of_a_method_has_everything(method, site):
    text = (site / 'methods' / f'{method}.html').read_text()
    tags = _Found(text).tags
    assert 'math' in tags
    assert tags.count('table') == 2  # options; faithful and otherwise
    assert 'arithmatex' not in text
    assert f'images/method_{method}.png' in text
    for heading in ('Run it', 'Options', 'Sources'):
        assert re.search(f'<h2 id="[^"]*">{heading}', text), heading


def test_an_equation_is_what_was_written(site):
    """A fraction and an index in RSPNet's loss, compared with MathML written by hand."""
    text = (site / 'methods' / 'rspnet.html').read_text()
    assert re.search(r'<msub><mi>L</mi><mi>M</mi></msub>', text)
    assert re.search(r'<mfrac><mrow><m.>exp</m.>', text)


def test_the_reference_shows_what_a_docstring_says(site):
    text = (site / 'reference' / 'auxskd_mm.models.heads.html').read_text()
    found = _Found(text)
    assert 'id="auxskd_mm.models.heads.vspp_head.VSPPHead.loss"' in text
    plain = re.sub(r'<[^>]+>', '', text)
    assert 'Weight of the speed&#39;s cross-entropy.' in plain or "Weight of the speed's cross-entropy." in plain
    assert 'auxskd_mm.models.modules.html#auxskd_mm.models.modules.pooling.pool_features' in found.links
    assert 'auxskd_mm.html#auxskd_mm.errors.InputError' in found.links


def test_no_page_shows_the_source_of_a_link(site):
    """A role of Sphinx, a link that was not resolved, or two colons before a literal block."""
    for page in [*site.glob('*.html'), *(site / 'methods').glob('*.html'), *(site / 'reference').glob('*.html')]:
        prose = re.sub(r'<(code|pre)[ >].*?</\1>', '', page.read_text(), flags=re.DOTALL)
        assert not re.search(r':(class|func|meth|mod|data):|\]\[auxskd_mm|<p>[^<]*::</p>', prose), page.name


def test_a_guide_and_the_names_of_configs_lead_to_the_reference(site):
    vspp = 'reference/auxskd_mm.models.heads.html#auxskd_mm.models.heads.vspp_head.VSPPHead'
    pace = '../reference/auxskd_mm.models.heads.html#auxskd_mm.models.heads.pace_head.PaceHead'
    assert pace in _Found((site / 'methods' / 'videopace.html').read_text()).links
    names = (site / 'reference' / 'names.html').read_text()
    assert 'id="auxskd_mm.VSPPHead"' in names
    assert vspp.removeprefix('reference/') in _Found(names).links
    assert 'reference/names.html#auxskd_mm.VSPPHead' in _Found((site / 'troubleshooting.html').read_text()).links


def test_the_notebook_is_on_the_site(site):
    links = _Found((site / 'tutorial.html').read_text()).links
    assert {'tutorial.ipynb', 'tutorial.py'} <= set(links)
    assert 'tutorial.html' in _Found((site / 'inference.html').read_text()).links
    assert nbformat.read(site / 'tutorial.ipynb', as_version=4).cells[0].source.startswith('# Tutorial')


def test_the_source_of_a_config_is_on_the_site(site):
    zoo = _Found((site / 'zoo.html').read_text())
    assert 'source/configs/vspp_r21d_k100.py.html' in zoo.links
    text = re.sub(r'<[^>]+>', '', (site / 'source' / 'configs' / 'vspp_r21d_k100.py.html').read_text())
    first = (ROOT / 'configs' / 'vspp_r21d_k100.py').read_text().splitlines()[0]
    assert first in text.replace('&amp;', '&')
