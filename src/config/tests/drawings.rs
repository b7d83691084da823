//! Drawings that only draw, and drawings that do not.

use super::*;

#[test]
fn a_drawing_that_could_run_or_fetch_anything_is_refused() {
    let planted = [
        (
            "<script>alert(1)</script>",
            "`<script>` may not stand in a drawing",
        ),
        (
            "<foreignObject/>",
            "`<foreignObject>` may not stand in a drawing",
        ),
        ("<style>a{}</style>", "`<style>` may not stand in a drawing"),
        (
            "<g onclick=\"x()\"/>",
            "the attribute `onclick` would run a program",
        ),
        (
            "<g ONLOAD='x()'/>",
            "the attribute `ONLOAD` would run a program",
        ),
        (
            "<use href=\"https://x/y#z\"/>",
            "the attribute `href` would fetch something from elsewhere",
        ),
        (
            "<use xlink:href=\"javascript:x\"/>",
            "the attribute `xlink:href` would fetch something from elsewhere",
        ),
        (
            "<g fill=\"url(http://x)\"/>",
            "the attribute `fill` would fetch something from elsewhere",
        ),
        (
            "<g style=\"position:fixed\"/>",
            "the attribute `style` would reach beyond the drawing",
        ),
        (
            "<g fill=\"&#117;rl(x)\"/>",
            "the attribute `fill` hides its meaning",
        ),
        (
            "<g xmlns=\"http://www.w3.org/1999/xhtml\"/>",
            "the attribute `xmlns` would make it something else than a drawing",
        ),
        ("<![CDATA[x]]>", "a drawing needs no such declaration"),
        ("<!--> <script> -->", "a comment holds `<` or `>`"),
        ("<g fill=red/>", "an attribute is not name=\"value\""),
        ("</g>", "`g` is closed but not open here"),
        ("<g>", "`svg` is closed but not open here"),
    ];
    for (text, message) in planted {
        let svg = format!("<svg viewBox=\"0 0 9 9\">{text}</svg>");
        let refusals = svg::check(&svg).expect_err(text);
        assert_eq!(refusals[0].message, message, "{text}");
    }
    for drawn in [
        "<use href='#a'/>",
        "<g fill=\"url(#a)\"/>",
        "<!-- a - b -->",
        "<text>&lt; &#176;</text>",
    ] {
        let svg = format!("<?xml version=\"1.0\"?>\n<svg viewBox='0,0 9 9'>{drawn}</svg>\n");
        assert!(svg::check(&svg).is_ok(), "{drawn}");
    }
    assert!(svg::check("<svg width=\"9\"></svg>").is_err(), "no viewBox");
}
