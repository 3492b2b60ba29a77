(()=>{(function(n,u,p){"use strict";var l=u.currentScript||u.querySelector("script[data-key]");if(!l||n.zgoda&&n.zgoda.key)return;
var y=l.getAttribute("data-key")||"",I=new URL(l.src,u.baseURI).origin,J=["utm_source","utm_medium","utm_campaign","utm_\
term","utm_content"].concat((l.getAttribute("data-query")||"").split(/[\s,]+/).filter(Boolean)),_=3e4,P=20,D=250,g=[],O=0,
m=0,A="",z="",o=null,q,s=l.getAttribute("data-release")==="on"?[]:null,f;function M(){var e=new Uint8Array(16);return n.
crypto.getRandomValues(e),Array.from(e,t=>(t+256).toString(16).slice(1)).join("")}function L(e){var t=new URL(e,u.baseURI),
r=new URLSearchParams;J.forEach(i=>{t.searchParams.getAll(i).forEach(v=>{r.append(i,v)})});var a=r.toString();return t.origin+
t.pathname+(a?"?"+a:"")}function R(e){var t=/^[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?(?![^-])/i.exec(e||"");return t?t[0]:void 0}
function V(){if(z)return z;if(!u.referrer)return"";var e=new URL(u.referrer);return e.origin===n.location.origin?e.origin+
e.pathname:e.origin+"/"}function c(e){return(...t)=>{try{return e(...t)}catch(r){}}}function h(){if(n.clearTimeout(m),m=
0,!!g.length){var e={key:y,sentAt:new Date().toISOString(),events:g};p.globalPrivacyControl===!0&&(e.gpc=!0),o&&(e.consent=
o),g=[],O=0;var t=JSON.stringify(e),r=I+"/e";p.sendBeacon&&p.sendBeacon(r,new Blob([t],{type:"text/plain"}))||n.fetch(r,
{method:"POST",body:t,credentials:"include",keepalive:t.length<_,headers:{"Content-Type":"text/plain"}}).catch(()=>{})}}
function T(e,t){var r={type:e,messageId:M(),timestamp:new Date().toISOString()};r.page={url:L(n.location.href)};var a=V();
if(a&&(r.page.referrer=a),Object.keys(t).forEach(i=>{t[i]!==void 0&&t[i]!==null&&(r[i]=t[i])}),!s||e==="identify")return j(
r);s.push(r),s.length>P&&j(s.shift(),f&&[])}function j(e,t){t&&(e.released=t);var r=JSON.stringify(e).length;g.length&&O+
r>_&&h(),g.push(e),O+=r,g.length>=P?h():m||(m=n.setTimeout(c(h),D))}function k(e,t){var r=s||[];s=e&&s&&[],r.forEach(a=>{
j(a,f&&(t||[]))})}function B(e){return Object.keys(e.purposes).filter(t=>e.purposes[t].release)}function X(){s&&S().then(
c(e=>{var t=e?B(e):[];t.length?f=t:k()}))}function Y(e,t){e&&T("track",{name:String(e),properties:t})}function U(e,t){A=
L(n.location.href),T("page",{name:e&&String(e),properties:t})}function F(e,t,r){e&&S().then(c(a=>{!a||!a.visitor||T("ide\
ntify",{userId:String(e),properties:t,proof:r&&r.proof})}))}function N(e,t){return n.fetch(I+"/consent"+(t?"":"?key="+encodeURIComponent(
y)),{method:e,body:t,credentials:"include",cache:"no-store",headers:t?{"Content-Type":"text/plain"}:{}}).then(r=>r.ok?r.
json():null).then(r=>(r&&(q=r.version),r)).catch(()=>null)}function S(){return N("GET")}function H(e,t){if(!e)return S();
t=t||{},Object.keys(e).forEach(i=>{e[i]||(o=o||{},o[i]=!1,f&&(f=f.filter(v=>v!==i)))}),(!f||!f.length)&&k(),h();var r=()=>t.
version!==void 0?t.version:q,a=r()!==void 0?Promise.resolve():S();return a.then(()=>N("POST",JSON.stringify({key:y,choices:e,
version:String(r()),locale:R(t.locale)||R(u.documentElement.lang)||R(p.language),surface:t.surface||"dialogue"}))).then(
i=>{if(!i)return i;if(Object.keys(e).forEach(E=>{e[E]&&o&&delete o[E]}),o&&!Object.keys(o).length&&(o=null),s&&f){var v=B(
i).filter(E=>f.includes(E));(v.length||i.visitor)&&k(!1,v)}return i})}var d={track:Y,page:U,identify:F,consent:H};function b(e,...t){
return d[e]&&d[e](...t)}Object.keys(d).forEach(e=>{d[e]=b[e]=c(d[e])}),b.key=y;var K=n.zgoda&&n.zgoda.q||[];n.zgoda=b;function x(e){
k(e),h()}function C(){var e=L(n.location.href);e!==A&&(z=A.split("?")[0],U())}function G(){l.getAttribute("data-auto")!==
"off"&&(U(),["pushState","replaceState"].forEach(e=>{var t=n.history[e];n.history[e]=function(){var r=t.apply(this,arguments);
return c(C)(),r}}),n.addEventListener("popstate",c(C))),X(),Array.from(K).forEach(e=>{b(...e)}),u.addEventListener("visi\
bilitychange",c(()=>{u.visibilityState==="hidden"&&x(!0)})),n.addEventListener("pagehide",c(()=>{x()}))}u.prerendering?u.
addEventListener("prerenderingchange",c(G),{once:!0}):c(G)()})(window,document,navigator);})();
