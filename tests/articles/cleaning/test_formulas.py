"""Formulas are readable in one line, and stand once."""

from __future__ import annotations

import pytest

from digest.articles.cleaning.formulas import formula_text_of
from digest.articles.cleaning.tidy import tidy


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "1/2"),
        ("<mn>1</mn><mfrac><mn>1</mn><mn>2</mn></mfrac>", "1 1/2"),
        ("<mrow><mi>x</mi><mfrac><mn>1</mn><mn>2</mn></mfrac></mrow>", "x1/2"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a+b)/2"),
        ("<msup><mi>m</mi><mn>2</mn></msup>", "m^2"),
        ("<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mi>n</mi></msup>", "(a)^n"),
        ("<msup><mi>f</mi><mo>′</mo></msup>", "f′"),
        ("<msqrt><mn>9</mn></msqrt>", "√9"),
        ("<msqrt><mi>a</mi><mo>+</mo><mn>1</mn></msqrt>", "√(a+1)"),
        ("<mroot><mn>8</mn><mn>3</mn></mroot>", "³√8"),
        ("<msub><mi>x</mi><mi>i</mi></msub>", "x_i"),
        ("<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>", "x_1^2"),
        (
            (
                "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>"
                "<mi>i</mi>"
            ),
            "∑_(i=1)^ni",
        ),
        ("<mover><mi>v</mi><mo>→</mo></mover>", "v\u20d7"),
        ("<mover><mi>AB</mi><mo>→</mo></mover>", "AB^(→)"),
        ("<munder><mi>lim</mi><mi>n</mi></munder>", "lim_n"),
        (
            (
                "<mo>(</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr>"
                "<mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr></mtable><mo>)</mo>"
            ),
            "(1, 2; 3, 4)",
        ),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a, b)"),
        ("<mi>x</mi><mtext>if</mtext><mi>y</mi>", "x if y"),
        ("<mi>f</mi><mo>\u2061</mo><mi>x</mi><mspace/><mi>y</mi>", "fx y"),
        ("<semantics><mi>x</mi><annotation>LEAK</annotation></semantics>", "x"),
        ("<mphantom>LEAK</mphantom><mi>x</mi>", "x"),
        ("<mrow>" * 200 + "x" + "</mrow>" * 200, "x"),
        ("<msqrt></msqrt><mroot></mroot><mfrac></mfrac>", "√"),
    ],
)
def test_mathml_is_readable(formula: str, text: str) -> None:
    assert formula_text_of(formula) == text
    assert tidy(f"<p>a <math>{formula}</math> b</p>", base=None) == f"<p>a {text} b</p>"


MATH = "<math><semantics><mi>x</mi><annotation>x</annotation></semantics></math>"


@pytest.mark.parametrize(
    ("rendered", "text"),
    [
        (
            (
                f'<span class="katex"><span class="katex-mathml">{MATH}</span>'
                '<span class="katex-html" aria-hidden="true">x</span></span>'
            ),
            "x",
        ),
        ('<span class="katex"><span class="katex-html">x</span></span>', "x"),
        (
            (
                '<span class="MathJax_Preview">x</span><span class="MathJax"><span>x</span></span>'
                '<script type="math/tex">x</script>'
            ),
            "$x$",
        ),
        (
            (
                '<span class="MathJax"><span>x</span><span class="MJX_Assistive_MathML">'
                f"{MATH}</span></span>"
                '<script type="math/tex">x</script>'
            ),
            "x",
        ),
        ('<script type="math/tex; mode=display">x_1</script>', "$$x_1$$"),
        ('<span class="mwe-math-element">x</span>', "x"),
        ('<span class="MathJax">x</span>', "x"),
        ('<mjx-container><svg data-latex="m^2"><g/></svg></mjx-container>', "$m^2$"),
        ('<mjx-container aria-label="m squared"><b>x</b></mjx-container>', "m squared"),
        (
            f"<mjx-container><b>x</b><mjx-assistive-mml>{MATH}</mjx-assistive-mml></mjx-container>",
            "x",
        ),
        (
            (
                f'<span class="mwe-math-element"><span style="display:none">{MATH}</span>'
                '<img src="https://e.org/x.svg" class="mwe-math-fallback-image" alt="x"></span>'
            ),
            "x",
        ),
    ],
)
def test_a_formula_that_was_rendered_stands_once(rendered: str, text: str) -> None:
    assert tidy(f"<p>a {rendered} b</p>", base=None) == f"<p>a {text} b</p>"


def test_formulas_in_large_files_are_readable_too() -> None:
    large = "<hr>" * 600
    formula = (
        '<math><mfrac><mn>1</mn><mi>x&lt;</mi></mfrac></math> <script type="math/tex">a<b</script>'
    )
    assert tidy(f"{large}<p>{formula}</p>", base=None) == f"{large}<p>1/(x&lt;) $a&lt;b$</p>"
    long = f"<math><mfrac><mn>1</mn><mn>{'2' * 9_000}</mn></mfrac></math>"
    assert f"<p>1 {'2' * 9_000}</p>" in tidy(f"{large}<p>{long}</p>", base=None)
