"""The rules that come along do what they say, on texts of the shape that they are for."""

from pathlib import Path, PurePosixPath

import pytest

from digest.articles.draft import make_draft
from digest.articles.model import SourceFile
from digest.settings import load

_RULES = Path(__file__).parents[2] / "config" / "rules"

SINA = """

---
title: '示例：两部门部署秋季防火'
categories:\x20
 - 金融
 - 新浪财经
 - 新浪财经－国內
headimg: 'https://img.example.org/code.png'
author: 新浪财经
date: Fri, 27 Aug 2021 12:49:08 GMT
---

<div>
<p class="ori_titlesource">　　原标题：示例：两部门部署秋季防火 </p>
<p cms-style="font-L">　　九月起，<font cms-style="font-L strong-Bold">集中巡查</font>，百日。</p>
<p cms-style="font-L">　　<font cms-style="font-L strong-Bold">一要细，</font><font
 cms-style="font-L">二要快。</font></p><!-- news_keyword_pub,stock, -->

<!-- 文末二维码 start -->
            <style>
            .appendQr_wrap&#123;border:1px solid #E6E6E6;padding:8px;&#125;
            </style>
            <div class="clearfix appendQr_wrap">
                <div class="appendQr_normal"><img src="https://img.example.org/code.png"></div>
                <div class="appendQr_normal_txt">更多内容，尽在示例应用</div>
            </div>

<!-- 编辑姓名及工作代码 -->
<p class="article-editor">责任编辑：某某 </p>
</div>
"""


def sina(text: str, tmp_path: Path) -> str:
    file = tmp_path / "digest.toml"
    file.write_text(f"[articles]\nrule_files = ['{_RULES}/sina.toml']")
    source = SourceFile(path=PurePosixPath("a.md"), content=text.encode())
    return make_draft(source, load(file, {}).draft_options()).body


def test_an_article_of_sina_has_neither_promotion_nor_editor_and_its_bold_text_is_bold(
    tmp_path: Path,
) -> None:
    assert sina(SINA, tmp_path) == (
        "<p>九月起，<strong>集中巡查</strong>，百日。</p>\n<p><strong>一要细，</strong>二要快。</p>"
    )


def test_an_editors_line_without_its_class_goes_too(tmp_path: Path) -> None:
    assert "某某" not in sina(SINA.replace(' class="article-editor"', ""), tmp_path)
    assert "原标题" not in sina(SINA.replace(' class="ori_titlesource"', ""), tmp_path)


def test_a_sentence_about_an_editor_stays(tmp_path: Path) -> None:
    kept = "据悉，责任编辑：某某与某某已到任。"
    assert kept in sina(SINA.replace("二要快。", kept), tmp_path)


def test_articles_of_others_are_left_alone(tmp_path: Path) -> None:
    other = sina(SINA.replace(" - 新浪财经\n", " - 别家\n"), tmp_path)
    assert "责任编辑" in other
    assert "<strong>" not in other


@pytest.mark.parametrize("path", sorted(_RULES.glob("*.toml")), ids=lambda path: path.name)
def test_every_file_of_rules_can_be_used(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "digest.toml"
    file.write_text(f"[articles]\nrule_files = ['{path}']")
    assert load(file, {}).draft_options().rules
